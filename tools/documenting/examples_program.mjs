// Runs the examples of docs on the module they speak of, and says which do not hold. Runs inside the sandbox.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { inspect, isDeepStrictEqual } from 'node:util'

const request = JSON.parse(readFileSync(0, 'utf8'))
const AsyncFunction = (async () => {}).constructor
const answer = { problem: '', said: {} }

function loaded() {
  if (!request.typescript) return request.file
  const compiler = createRequire(import.meta.url ?? 'file:///')(request.typescript)
  const options = { module: compiler.ModuleKind.ESNext, target: compiler.ScriptTarget.ES2022, jsx: compiler.JsxEmit.ReactJSX }
  const made = compiler.transpileModule(readFileSync(request.file, 'utf8'), { compilerOptions: options }).outputText
  const place = `${request.file}.perdure-examples.mjs`
  writeFileSync(place, made)
  return place
}

async function said(names, example) {
  const lines = example.code.trim().replace(/;$/, '').split('\n')
  const last = lines.pop()
  const body = [...lines, `return (${last}\n)`].join('\n')
  try {
    const value = await new AsyncFunction(...Object.keys(names), body)(...Object.values(names))
    if (!example.result.trim()) return ''
    const wanted = await new AsyncFunction(`return (${example.result}\n)`)()
    return isDeepStrictEqual(value, wanted) ? '' : `it gives ${inspect(value)}, not ${inspect(wanted)}`
  } catch (error) {
    return `it ends with ${error?.name ?? 'an error'}: ${error?.message ?? error}`
  }
}

let names = {}
try {
  const found = await import(pathToFileURL(loaded()).href)
  const whole = found.default
  const inner = whole && typeof whole === 'object' ? whole : {}
  names = { ...(typeof whole === 'function' && whole.name ? { [whole.name]: whole } : {}), ...inner, ...found }
  delete names.default
} catch (error) {
  answer.problem = `${error?.name ?? 'Error'}: ${error?.message ?? error}`
}
if (!answer.problem) {
  for (const [symbol, examples] of Object.entries(request.examples)) {
    answer.said[symbol] = []
    for (const example of examples) answer.said[symbol].push(await said(names, example))
  }
}
process.stdout.write(`\n${request.border}${JSON.stringify(answer)}`, () => process.exit(0))
