import { push } from './push.js';
import { runAsScript } from './tool.js';

/** The name that `push` had in rtmp_server, for scripts that use it: `node dist/tools/pusher.js test.flv http://... 1.0`. */
await runAsScript(push, import.meta.url);
