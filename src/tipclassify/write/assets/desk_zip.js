// A ZIP archive without compression. Covered by tests/reports/test_desk.py, which opens one.

const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_HEADER = 0x02014b50;
const END_OF_DIRECTORY = 0x06054b50;
const VERSION = 20; // 2.0
const NAMES_IN_UTF8 = 0x800;
const FIRST_OF_1980 = 0x21; // no day of its own: the same files are the same bytes

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? 0xedb88320 ^ (sum >>> 1) : sum >>> 1;
  return sum;
});

function crc32(bytes) {
  let sum = ~0;
  for (const byte of bytes) sum = CRC_TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}

// Numbers of two bytes, little end first.
function shorts(...numbers) {
  return numbers.flatMap((number) => [number & 255, (number >>> 8) & 255]);
}

// Numbers of four bytes.
function longs(...numbers) {
  return numbers.flatMap((number) => shorts(number, number >>> 16));
}

// Make an archive of files, [path, text] each.
export function zipOf(files, type) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [path, text] of files) {
    const name = new TextEncoder().encode(path);
    const bytes = new TextEncoder().encode(text);
    const facts = [
      ...shorts(VERSION, NAMES_IN_UTF8, 0), // stored
      ...shorts(0, FIRST_OF_1980), // time and day
      ...longs(crc32(bytes), bytes.length, bytes.length),
      ...shorts(name.length, 0), // no extra field
    ];
    const header = Uint8Array.from([...longs(LOCAL_HEADER), ...facts]);
    const entry = Uint8Array.from([
      ...longs(DIRECTORY_HEADER),
      ...shorts(VERSION),
      ...facts,
      ...shorts(0, 0, 0), // no comment, disk 0, no text
      ...longs(0, offset), // no attributes
    ]);
    parts.push(header, name, bytes);
    directory.push(entry, name);
    offset += header.length + name.length + bytes.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = Uint8Array.from([
    ...longs(END_OF_DIRECTORY),
    ...shorts(0, 0, files.length, files.length), // disk 0
    ...longs(size, offset),
    ...shorts(0), // no comment
  ]);
  return new Blob([...parts, ...directory, end], { type });
}
