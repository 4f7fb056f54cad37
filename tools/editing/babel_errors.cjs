// Says, as one JSON array, which syntax errors Babel finds in each text. Standard input: { parser, texts: [{ text,
// typescript, jsx, commonjs }] }. An error that stops the parser is the last of its list.
const { readFileSync } = require("node:fs");

const { parser, texts } = JSON.parse(readFileSync(0, "utf8"));
const { parse } = require(parser);

const errorsOf = ({ text, typescript, jsx, commonjs }) => {
  const plugins = [
    "decoratorAutoAccessors",
    "deferredImportEvaluation",
    "explicitResourceManagement",
    typescript ? "decorators-legacy" : "decorators",
  ];
  if (typescript) plugins.push("typescript");
  if (jsx) plugins.push("jsx");
  const options = {
    allowReturnOutsideFunction: commonjs,
    errorRecovery: true,
    plugins,
    sourceType: commonjs ? "script" : "unambiguous",
  };
  const told = (error, fatal) => ({
    line: error.loc ? error.loc.line : 1,
    message: error.message.replace(/ \(\d+:\d+\)$/, ""),
    fatal,
  });
  try {
    return parse(text, options).errors.map((error) => told(error, false));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return [told(error, true)];
  }
};
process.stdout.write(JSON.stringify(texts.map(errorsOf)));
