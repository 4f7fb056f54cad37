// What is needed of ESLint's results, without each file's whole source: { path, messages, output }.
module.exports = (results) =>
  JSON.stringify(
    results
      .filter(({ messages, output }) => messages.length || output !== undefined)
      .map(({ filePath, messages, output }) => ({
        path: filePath,
        output,
        messages: messages.map(({ ruleId, severity, fatal, message, line, column, endLine, endColumn, fix }) => ({
          rule: ruleId ?? "",
          severity,
          fatal: Boolean(fatal),
          message,
          line: line ?? 0,
          column: column ?? 0,
          endLine: endLine ?? 0,
          endColumn: endColumn ?? 0,
          fixable: Boolean(fix),
        })),
      })),
  );
