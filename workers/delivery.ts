import { DeliveryRole } from '#src/delivery/delivery-role.js';
import { FileGatewayRole } from '#src/delivery/file-gateway-role.js';
import { OriginDeliveryRole } from '#src/delivery/origin-delivery-role.js';
import { runThread } from '#src/process/run-thread.js';

await runThread((data, send) => {
	if (data.filesOnly !== undefined) {
		return new FileGatewayRole(data, send);
	}
	const { originSocket } = data;
	return originSocket === undefined ? new DeliveryRole(data, send) : new OriginDeliveryRole(data, send, originSocket);
});
