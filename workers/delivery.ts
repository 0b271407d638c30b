import { DeliveryRole } from '#src/delivery/delivery-role.js';
import { FileGatewayRole } from '#src/delivery/file-gateway-role.js';
import { OriginDeliveryRole } from '#src/delivery/origin-delivery-role.js';
import { runRole } from '#src/process/run-role.js';

await runRole((data, send) => {
	if (data.filesOnly !== undefined) {
		return new FileGatewayRole(data, send);
	}
	const { originSocket } = data;
	return originSocket === undefined ? new DeliveryRole(data, send) : new OriginDeliveryRole(data, send, originSocket);
});
