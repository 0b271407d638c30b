/**
 * The sources of the threads of a role, and the uses of their streams. The threads themselves are the same in every
 * role.
 */
export type Topology = {
	/** Streams are recorded and repackaged. */
	records: boolean;
	/** Streams come from an upstream when somebody wants them; nobody may publish. */
	pulls: boolean;
	/** There are no streams, only files: delivery threads and nothing else. */
	filesOnly: boolean;
};

export const ORIGIN: Topology = { records: true, pulls: false, filesOnly: false };
