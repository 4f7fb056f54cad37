// Reports every test of node:test as one line of JSON, with its file and the names of the groups around it.
import { resolve } from 'node:path';
import { inspect } from 'node:util';

const UNMATCHED = 'test name does not match pattern';
const names = [];
const children = [];

function outcome(type, data) {
  if (data.skip || data.skip === '' || data.todo || data.todo === '') return 'skipped';
  return type === 'test:pass' ? 'passed' : 'failed';
}

function* reported(type, data) {
  const { name, nesting, file = '', details = {} } = data;
  const isGroup = details.type === 'suite' || (children[nesting + 1] ?? 0) > 0;
  children[nesting + 1] = 0;
  children[nesting] = (children[nesting] ?? 0) + 1;
  const result = outcome(type, data);
  if (data.skip === UNMATCHED) return;
  // A group counts only where it failed or was skipped by itself.
  if (isGroup && (result === 'passed' || details.error?.failureType === 'subtestsFailed')) return;
  const isFile = nesting === 0 && resolve(name) === file;
  // A file that holds no test is reported as a test that passed.
  if (isFile && result !== 'failed') return;
  const error = details.error?.cause ?? details.error;
  const detail = result === 'failed' ? (typeof error === 'string' ? error : inspect(error)) : '';
  yield JSON.stringify({ file, names: isFile ? [] : [...names.slice(0, nesting), name], outcome: result, detail }) + '\n';
}

export default async function* report(source) {
  for await (const { type, data } of source) {
    if (type === 'test:start') names.splice(data.nesting, Infinity, data.name);
    if (type === 'test:pass' || type === 'test:fail') yield* reported(type, data);
  }
  yield '{"end":true}\n';
}
