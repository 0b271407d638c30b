import { DeliveryRole } from '#src/delivery/delivery-role.js';
import { runRole } from '#src/pool/run-role.js';

await runRole((data, send) => new DeliveryRole(data, send));
