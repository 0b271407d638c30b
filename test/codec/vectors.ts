/** Decoder configurations as FFmpeg 5.1 writes them, each from a few frames of a test picture or tone. */
function hex(text: string): Buffer {
	return Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
}

/** x264, 1918x1078 (cropped), 30000/1001 fps, High, bt709. */
export const avcC = hex(`01640028ffe1001d67640028acd940780227a9b016a020202800001f480007530078c18cb001
	000668ebe3cb22c0fdf8f800`);

/** x264, 640x360, High 4:2:2 10 bit, sample aspect 4:3, 25 fps. */
export const avcCHigh422 = hex(`017a001effe1001b677a001eb6cd940a02ff89c384000003000400000300c83c58b658
	01000668ebe3cb22c0fefafa00`);

/** x264, 640x360 interlaced, Main. */
export const avcCInterlaced = hex(`014d401effe10019674d401eeca05031f9f011000003000100000300321f142996
	01000568fba3cb20`);

/** x265, 1278x718 (cropped), Main 10, 50 fps, bt2020 PQ. */
export const hvcC = hex(`01022000000090000000000078f000fcfdfafa00000f03
	a00001001840010c01ffff022000000300900000030000030078959809
	a10001002e420101022000000300900000030000030078a00280802d1d5365959a4932bc05a848804820000003002000000641
	a2000100074401c172b46240`);

/** x265, 640x360, 4:2:2 8 bit, 25 fps. */
export const hvcC422 = hex(`0104080000009d08000000003ff000fcfef8f800000f03
	a00001001740010c01ffff0408000003009d0800000300003f959809
	a1000100294201010408000003009d0800000300003fb00502016965959a4932bc05a02000000300200000030321
	a2000100074401c172b46240`);

/** SVT-AV1, 640x360, 10 bit, bt2020 PQ. */
export const av1C = hex('81014c000a0e0000000cc4ff6700be1424402410');

/** libaom, 640x360, 8 bit. */
export const av1C8Bit = hex('81010c000a0b0000000cc4ff6736be4010');

/** libvpx, Profile 2, 10 bit; with the version and flags of its box. */
export const vpcCBox = hex('010000000215a20202020000');

/** AAC-LC 44.1 kHz stereo with explicit "no SBR" behind it. */
export const ascLc = hex('121056e500');
/** AAC-LC 48 kHz, 5.1(side): channel configuration 0, the channels in a program config element with a comment. */
export const ascProgramConfig = hex('118004c844002000c40d4c61766335392e33372e31303056e500');
/** HE-AAC v2 as object type 29: a mono core of 24 kHz that comes out in stereo at 48 kHz. */
export const ascHeV2 = hex('eb098800');
/** HE-AAC 22.05 kHz core, 44.1 kHz out, explicit hierarchical signalling. */
export const ascHe = hex('2b920800');
/** HE-AAC signalled behind an AAC-LC configuration. */
export const ascHeBackward = hex('139056e5a0');
/** HE-AAC v2 signalled behind an AAC-LC configuration. */
export const ascHeV2Backward = hex('138856e5a54880');

export const dOps = hex('000201380000bb80000000');
export const dOps51 = hex('000601380000bb800000010402000401020305');
export const opusHead = hex('4f70757348656164 01 02 3801 80bb0000 0000 00');
export const dfLa = hex('800000221200120000046d0005080ac442f0000033ae36567c6137e8d578c431ed191fd85ff5');
/** 44.1 kHz mono, 192 kbit/s. */
export const ac3Frame = hex('0b7759345440 2f842be1877b875dfbe7');
/** 5.1 at 48 kHz, 448 kbit/s, as its box says it. */
export const dac3 = hex('103de0');
/** 48 kHz mono, frame of 384 bytes. */
export const eac3Frame = hex('0b7700bf3287c00021062460e3bd57af');
/** The frame that `dac3` describes. */
export const ac3Frame51 = hex('0b77d0f81e40ebf8403eff99ff0841fc');
/** 5.1 at 48 kHz, 448 kbit/s. */
export const eac3Frame51 = hex('0b77037f3f87c00020f8200002004000');
export const dec3 = hex('0e00200f00');
/** Start of a Profile 2 key frame of 642x360. */
export const vp9KeyFrame = hex('92498342 0014080b3b041c120e0c2c0803a87fd9f9be8fe7766f85fddfa7e1fe');
/** Start of a block of 4608 samples. */
export const flacFrame = hex('fff8594c0000');
/** MPEG-2 layer 3, 22.05 kHz mono. */
export const mp3Frame = hex('fff350c4');
