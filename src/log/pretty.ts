import { prettyFactory } from 'pino-pretty';

/** Makes lines of JSON, each with its line feed, readable for people; a line that is no JSON stays as it is. */
export function prettyLines(colorize: boolean): (line: string) => string {
	const format = prettyFactory({
		colorize,
		translateTime: 'SYS:HH:MM:ss.l',
		ignore: 'hostname',
		singleLine: true,
	});
	return (line) => format(line.trimEnd()) ?? line;
}
