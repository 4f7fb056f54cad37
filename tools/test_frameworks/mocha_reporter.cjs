// Reports every test of mocha as one line of JSON, with its file and the names of the groups around it.
'use strict';
const { appendFileSync } = require('node:fs');
const { inspect } = require('node:util');

function namesOf(test) {
  const names = [];
  for (let one = test; one; one = one.parent) if (one.title) names.unshift(one.title);
  return typeof test.titlePath === 'function' ? test.titlePath() : names;
}

function fileOf(test) {
  for (let one = test; one; one = one.parent) if (one.file) return one.file;
  return '';
}

module.exports = class Report {
  constructor(runner, options) {
    const { output } = options.reporterOptions ?? options.reporterOption ?? {};
    const write = (line) => appendFileSync(output, JSON.stringify(line) + '\n');
    const report = (outcome) => (test, error) => {
      const detail = error ? String(error.stack ?? inspect(error)) : '';
      write({ file: fileOf(test), names: namesOf(test), outcome, detail });
      process.stdout.write(`${outcome}: ${namesOf(test).join(' > ')}\n${detail ? detail + '\n' : ''}`);
    };
    runner.on('pass', report('passed'));
    runner.on('fail', report('failed'));
    runner.on('pending', report('skipped'));
    runner.on('end', () => write({ end: true }));
  }
};
