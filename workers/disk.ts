import { serveDisk } from '#src/record/disk/disk-role.js';

serveDisk();
