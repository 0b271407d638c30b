// Spec: RTMP 1.0, section 7.2 (Types of Commands); Enhanced RTMP v2, "Enhancing NetConnection connect Command"

import { type AmfObject, type AmfValue, amfNumber, amfProperty, amfString } from '../../codec/amf-value.js';
import { parseAmf0, serializeAmf0 } from '../../codec/amf0.js';
import { PeerError } from '../../errors.js';
import { parseResume, parseVia, RESUME_PROPERTY, VIA_PROPERTY } from '../relay.js';
import { MessageType } from './message.js';

export type Command = {
	name: string;
	/** 0 when no answer is wanted. */
	transactionId: number;
	/** `command object`: of connect its properties, else null as a rule. */
	object: AmfValue;
	/** The values that follow the command object. */
	args: AmfValue[];
};

/** Message types 15, 16 and 17 begin with a byte that says in which AMF version the values are: 0. */
const AMF0_FORMAT = 0x00;

/** The AMF0 values of a data or command message, in either version's message type. `body` is borrowed. */
export function parseAmfMessage(type: number, body: Buffer): AmfValue[] {
	const isAmf3Message = type === MessageType.commandAmf3 || type === MessageType.dataAmf3;
	return parseAmf0(isAmf3Message && body[0] === AMF0_FORMAT ? body.subarray(1) : body);
}

/**
 * A command message (type 20, or 17 with its format byte). `body` is borrowed.
 * @throws PeerError RTMP_COMMAND when it does not begin with a name, AMF_MALFORMED as parseAmf0 does.
 */
export function parseCommand(type: number, body: Buffer): Command {
	const [name, transactionId, object, ...args] = parseAmfMessage(type, body);
	if (typeof name !== 'string') {
		throw new PeerError('RTMP_COMMAND', 'no command name');
	}
	return { name, transactionId: amfNumber(transactionId) ?? 0, object, args };
}

/** Body of a command message of type 20. */
export function commandBody(name: string, transactionId: number, object: AmfValue, ...args: AmfValue[]): Buffer {
	return serializeAmf0(name, transactionId, object, ...args);
}

export type StatusLevel = 'status' | 'error' | 'warning';

/** Body of an onStatus command (section 7.2.2). */
export function onStatusBody(level: StatusLevel, code: string, description: string, more: AmfObject = {}): Buffer {
	return commandBody('onStatus', 0, null, { level, code, description, ...more });
}

/** Body of the `_error` answer to a command. */
export function errorBody(transactionId: number, code: string, description: string): Buffer {
	return commandBody('_error', transactionId, null, { level: 'error', code, description });
}

/** `capsEx` bits of Enhanced RTMP v2. */
export const CapsEx = { reconnect: 1, multitrack: 2, modEx: 4, timestampNanoOffset: 8 } as const;

/** FourCC capability bits. A server that forwards can forward anything: "*". */
const CAN_FORWARD = 4;
const ANY_FOURCC = '*';
const OWN_ENHANCEMENTS = {
	fourCcList: [ANY_FOURCC],
	videoFourCcInfoMap: { [ANY_FOURCC]: CAN_FORWARD },
	audioFourCcInfoMap: { [ANY_FOURCC]: CAN_FORWARD },
	capsEx: CapsEx.reconnect | CapsEx.multitrack | CapsEx.modEx | CapsEx.timestampNanoOffset,
};

/** Flash media server that clients take us for; its version decides what flash players and old encoders dare to send. */
const FMS_VERSION = 'FMS/3,5,3,888';
const FMS_CAPABILITIES = 127;
const FMS_MODE = 1;

/** The facts that a client states about itself in `connect`. */
export type ConnectInfo = {
	/** As sent: may hold a query and slashes. */
	app: string;
	tcUrl: string;
	flashVer: string;
	pageUrl: string;
	swfUrl: string;
	objectEncoding: number;
	/** It said something of Enhanced RTMP. */
	enhanced: boolean;
	capsEx: number;
	/** The processes that a relay names (protocol/relay.ts). */
	via: string[];
	resumeMs: number | undefined;
};

/** Properties of connect that only a client of Enhanced RTMP sends. */
const ENHANCED_PROPERTIES = ['fourCcList', 'videoFourCcInfoMap', 'audioFourCcInfoMap', 'capsEx'] as const;

export function readConnect(command: Command): ConnectInfo {
	const text = (key: string): string => amfString(amfProperty(command.object, key)) ?? '';
	const number = (key: string): number => amfNumber(amfProperty(command.object, key)) ?? 0;
	return {
		app: text('app'),
		tcUrl: text('tcUrl'),
		flashVer: text('flashVer'),
		pageUrl: text('pageUrl'),
		swfUrl: text('swfUrl'),
		objectEncoding: number('objectEncoding'),
		enhanced: ENHANCED_PROPERTIES.some((key) => amfProperty(command.object, key) !== undefined),
		capsEx: number('capsEx'),
		via: parseVia(text(VIA_PROPERTY)),
		resumeMs: parseResume(text(RESUME_PROPERTY)),
	};
}

/**
 * Body of the `_result` of connect. Only a client that asked is told our part of Enhanced RTMP: small clients cannot
 * parse the strict array in it.
 */
export function connectResultBody(transactionId: number, { objectEncoding, enhanced }: ConnectInfo): Buffer {
	return commandBody(
		'_result',
		transactionId,
		{
			fmsVer: FMS_VERSION,
			capabilities: FMS_CAPABILITIES,
			mode: FMS_MODE,
			...(enhanced ? OWN_ENHANCEMENTS : {}),
		},
		{
			level: 'status',
			code: 'NetConnection.Connect.Success',
			description: 'Connection succeeded.',
			objectEncoding,
		},
	);
}
