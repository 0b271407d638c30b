import { IngestRole } from '#src/ingest/ingest-role.js';
import { runRole } from '#src/pool/run-role.js';

await runRole((data, send) => new IngestRole(data, send));
