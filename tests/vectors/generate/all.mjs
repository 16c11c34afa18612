// Writes every tests/vectors/*.json; with --check, fails if one of them would change.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { columnsOf, plain, toText } from './format.mjs';

const FILES = ['subjects', 'cut', 'committee', 'certificate', 'leaves', 'tree', 'report', 'entries_root', 'messages', 'ilog2', 'quantize', 'z', 'points', 'grades', 'state_offset', 'model', 'model_code', 'terms', 'transmission', 'outcome'];

const folder = join(dirname(fileURLToPath(import.meta.url)), '..');
const isCheck = process.argv.includes('--check');
const changed = [];
for (const name of FILES) {
  const { generate } = await import(`./${name}.mjs`);
  const { about, columnFields, cases, columns = columnsOf(cases, columnFields), ...extra } = plain(await generate());
  const text = `${toText({ about, count: cases.length, ...extra, cases, columns })}\n`;
  const path = join(folder, `${name}.json`);
  const isSame = existsSync(path) && readFileSync(path, 'utf8') === text;
  if (!isSame) changed.push(`${name}.json`);
  if (!isSame && !isCheck) writeFileSync(path, text);
}
if (changed.length) console.log(`${isCheck ? 'would change' : 'written'}: ${changed.join(', ')}`);
process.exitCode = isCheck && changed.length ? 1 : 0;
