import { DeliveryRole } from '#src/delivery/delivery-role.js';
import { FileGatewayRole } from '#src/gateway/file-gateway-role.js';
import { runRole } from '#src/pool/run-role.js';

await runRole((data, send) =>
	data.filesOnly === undefined ? new DeliveryRole(data, send) : new FileGatewayRole(data, send),
);
