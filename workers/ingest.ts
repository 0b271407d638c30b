import { GatewayIngestRole } from '#src/ingest/gateway-ingest-role.js';
import { IngestRole } from '#src/ingest/ingest-role.js';
import { runThread } from '#src/process/run-thread.js';

await runThread((data, send) => (data.relay.onDemand ? new GatewayIngestRole(data, send) : new IngestRole(data, send)));
