// Vector files as text: values inline where they fit a line, long arrays of primitives filled, everything else expanded.
const WIDTH = 180;

function inline(value) {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    return `{ ${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${inline(item)}`).join(', ')} }`;
  }
  return JSON.stringify(value);
}

function filled(items, indent) {
  const lines = [];
  let line = '';
  for (const text of items) {
    if (line && indent.length + line.length + text.length + 3 > WIDTH) {
      lines.push(`${line},`);
      line = '';
    }
    line = line ? `${line}, ${text}` : text;
  }
  if (line) lines.push(line);
  return lines.map((text) => indent + text).join('\n');
}

export function toText(value, indent = '') {
  const short = inline(value);
  if (value === null || typeof value !== 'object' || indent.length + short.length <= WIDTH) return short;
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    const flat = value.every((item) => item === null || typeof item !== 'object');
    const body = flat
      ? filled(value.map(inline), deeper)
      : value.map((item) => deeper + toText(item, deeper)).join(',\n');
    return `[\n${body}\n${indent}]`;
  }
  const body = Object.entries(value).map(([key, item]) => `${deeper}${JSON.stringify(key)}: ${toText(item, deeper)}`);
  return `{\n${body.join(',\n')}\n${indent}}`;
}

// BigInts have no JSON form: they become decimal strings, numbers stay numbers.
export function plain(value) {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new Error(`not an exact integer: ${value}`);
    return value;
  }
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  }
  return value;
}

// Parallel arrays of the named fields, one element per case, for vm.parseJson*Array in Solidity.
export function columnsOf(cases, names) {
  return Object.fromEntries(names.map((name) => {
    const column = cases.map((item) => item[name]);
    if (column.some((item) => item === undefined)) throw new Error(`a case has no field ${name}`);
    return [name, column];
  }));
}
