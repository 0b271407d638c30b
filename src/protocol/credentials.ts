// Spec: RFC 7617 (Basic); RFC 3986, section 3.2.1 (User Information)

/** User and password for a server. Kept apart from its address: an address is shown, these are not. */
export type Credentials = { readonly user: string; readonly password: string };

/** A server as it may be shown in logs, metrics and the API, and what only it may see. */
export type ServerAddress = { readonly address: string; readonly credentials: Credentials | null };

/** Everything between the scheme and the last @ of the authority. */
const USER_INFO = /(?<=^[a-z][a-z0-9+.-]*:\/\/)([^/?#]*)@/i;
/** As above in the midst of other text, and as far as there might be some: better too much than a password. */
const USER_INFO_WITHIN = /(?<=:\/\/)[^\s"]*@/g;

/** Takes user and password out of a URL; without them the address stays as it was written. */
export function splitCredentials(url: string): ServerAddress {
	const userInfo = USER_INFO.exec(url)?.[1];
	if (userInfo === undefined) {
		return { address: url, credentials: null };
	}
	const [user = '', ...password] = userInfo.split(':');
	const credentials = { user: decoded(user), password: decoded(password.join(':')) };
	return { address: url.replace(USER_INFO, ''), credentials };
}

/** The address as people may see it: `http://***@host` tells that there are credentials. */
export function shownAddress({ address, credentials }: ServerAddress): string {
	return credentials === null ? address : address.replace('://', '://***@');
}

/** `text`, for people, with the user information of any URL in it left out. */
export function withoutCredentials(text: string): string {
	return text.replaceAll(USER_INFO_WITHIN, '***@');
}

/** The value of an Authorization header. */
export function basicAuthorization({ user, password }: Credentials): string {
	return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** RTMP has no header for them: servers take them from the query of the stream's name (`?user=&pass=`). */
export function withCredentialQuery(streamName: string, credentials: Credentials | null): string {
	if (credentials === null) {
		return streamName;
	}
	const query = new URLSearchParams({ user: credentials.user, pass: credentials.password });
	return `${streamName}${streamName.includes('?') ? '&' : '?'}${query}`;
}

/** Percent-decoded; as it is where that cannot be. */
function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch (error) {
		if (error instanceof URIError) {
			return text;
		}
		throw error;
	}
}
