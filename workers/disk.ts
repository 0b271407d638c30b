import { serveDisk } from '#src/record/disk-role.js';

serveDisk();
