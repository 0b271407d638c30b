import { GatewayIngestRole } from '#src/ingest/gateway-ingest-role.js';
import { IngestRole } from '#src/ingest/ingest-role.js';
import { runRole } from '#src/process/run-role.js';

await runRole((data, send) => (data.relay.onDemand ? new GatewayIngestRole(data, send) : new IngestRole(data, send)));
