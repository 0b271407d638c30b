import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AmfObject, type AmfValue, amfEntries, amfObject, amfProperty } from '#src/codec/amf-value.js';
import { parseAmf0, serializeAmf0 } from '#src/codec/amf0.js';
import {
	commandBody,
	connectResultBody,
	errorBody,
	onStatusBody,
	parseAmfMessage,
	parseCommand,
	readConnect,
} from '#src/protocol/rtmp/commands.js';
import { MessageType } from '#src/protocol/rtmp/message.js';

test('a command comes back as it was written', () => {
	const body = commandBody('play', 4, null, 'stream?key=1', -2000);
	assert.deepEqual(parseCommand(MessageType.commandAmf0, body), {
		name: 'play',
		transactionId: 4,
		object: null,
		args: ['stream?key=1', -2000],
	});
});

test('an AMF3 command or data message has a format byte before its AMF0 values', () => {
	const body = Buffer.concat([Buffer.of(0), commandBody('createStream', 2, null)]);
	assert.equal(parseCommand(MessageType.commandAmf3, body).name, 'createStream');
	assert.deepEqual(parseAmfMessage(MessageType.dataAmf3, Buffer.concat([Buffer.of(0), serializeAmf0('a')])), ['a']);
	assert.deepEqual(parseAmfMessage(MessageType.dataAmf3, serializeAmf0('a')), ['a']);
});

test('an AMF3 command may hold AMF3 values behind the AVM+ marker', () => {
	const connect = serializeAmf0('connect', 1);
	const amf3 = Buffer.from('110a0b01 07 617070 06 03 61 01'.replaceAll(' ', ''), 'hex');
	const command = parseCommand(MessageType.commandAmf3, Buffer.concat([Buffer.of(0), connect, amf3]));
	assert.equal(readConnect(command).app, 'a');
});

test('a command needs a name, and a missing transaction counts as none', () => {
	assert.throws(() => parseCommand(MessageType.commandAmf0, serializeAmf0(1, 2)), { code: 'RTMP_COMMAND' });
	assert.throws(() => parseCommand(MessageType.commandAmf0, Buffer.alloc(0)), { code: 'RTMP_COMMAND' });
	assert.equal(parseCommand(MessageType.commandAmf0, serializeAmf0('FCPublish')).transactionId, 0);
});

test('what connect leaves out or gets wrong reads as empty', () => {
	const command = parseCommand(
		MessageType.commandAmf0,
		commandBody('connect', 1, { app: 'live', tcUrl: 5, objectEncoding: 3, capsEx: 1 }),
	);
	assert.deepEqual(readConnect(command), {
		app: 'live',
		tcUrl: '',
		flashVer: '',
		pageUrl: '',
		swfUrl: '',
		objectEncoding: 3,
		enhanced: true,
		capsEx: 1,
		via: [],
		resumeMs: undefined,
	});
	assert.equal(readConnect(parseCommand(MessageType.commandAmf0, commandBody('connect', 1, null))).app, '');
});

test('the answer to connect says success, and to a client of Enhanced RTMP that everything is forwarded', () => {
	const answerTo = (properties: AmfObject): AmfValue[] => {
		const command = parseCommand(MessageType.commandAmf0, commandBody('connect', 1, properties));
		return parseAmf0(connectResultBody(1, readConnect(command)));
	};
	for (const property of ['fourCcList', 'videoFourCcInfoMap', 'audioFourCcInfoMap', 'capsEx']) {
		const [name, transaction, properties, info] = answerTo({ objectEncoding: 3, [property]: 0 });
		assert.deepEqual([name, transaction], ['_result', 1]);
		assert.deepEqual(amfProperty(properties, 'fourCcList'), ['*']);
		assert.deepEqual(amfProperty(properties, 'videoFourCcInfoMap'), amfObject({ '*': 4 }));
		assert.deepEqual(amfProperty(properties, 'audioFourCcInfoMap'), amfObject({ '*': 4 }));
		assert.equal(amfProperty(properties, 'capsEx'), 15);
		assert.equal(amfProperty(info, 'code'), 'NetConnection.Connect.Success');
		assert.equal(amfProperty(info, 'objectEncoding'), 3);
	}
	const [, , properties] = answerTo({ app: 'live' });
	assert.deepEqual(
		amfEntries(properties).map(([key]) => key),
		['fmsVer', 'capabilities', 'mode'],
	);
});

test('status and error answers carry level, code and description', () => {
	const info = amfObject({ level: 'error', code: 'A.B', description: 'why' });
	assert.deepEqual(parseAmf0(onStatusBody('error', 'A.B', 'why')), ['onStatus', 0, null, info]);
	assert.deepEqual(parseAmf0(errorBody(7, 'A.B', 'why')), ['_error', 7, null, info]);
});
