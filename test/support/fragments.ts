import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

/** Behind a login `req.user` is there, which the type of a request cannot know. */
const POSSIBLY_UNDEFINED = 18048;

const root = new URL('../../', import.meta.url);
const toPath = (name: string): string => fileURLToPath(new URL(name, root));

/** A block of code in a document. */
export interface Block {
  /** How it is marked, such as `js`. */
  language: string;
  /** Without the indentation of the block. */
  code: string;
  /** The line of its first line in the document, from 1. */
  line: number;
}

/** All blocks of a document, in order. */
export function blocksIn(document: string): Block[] {
  const blocks = document.matchAll(/^( *)```(\w+)\n(.*?)^\1```$/gms);
  return [...blocks].map(({ 1: indentation = '', 2: language = '', 3: code = '', index }) => ({
    language,
    code: code.replaceAll(new RegExp(`^${indentation}`, 'gm'), ''),
    line: document.slice(0, index).split('\n').length + 1,
  }));
}

/** Compiles pieces of code, by name, as test/fragments/tsconfig.json says. Gives what is wrong with each. */
export function problemsOf(pieces: ReadonlyMap<string, string>): Map<string, string[]> {
  const config = ts.getParsedCommandLineOfConfigFile(
    toPath('test/fragments/tsconfig.json'),
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: ({ messageText }) =>
        assert.fail(ts.flattenDiagnosticMessageText(messageText, '\n')),
    },
  );
  assert.ok(config);
  // TypeScript writes paths with slashes, on Windows too.
  const paths = new Map([...pieces].map(([name, code]) => [toPath(name).replaceAll('\\', '/'), { name, code }]));
  const disk = ts.createCompilerHost(config.options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (path) => paths.has(path) || disk.fileExists(path),
    readFile: (path) => paths.get(path)?.code ?? disk.readFile(path),
    getSourceFile(path, options, ...rest) {
      const piece = paths.get(path);
      return piece ? ts.createSourceFile(path, piece.code, options) : disk.getSourceFile(path, options, ...rest);
    },
  };
  const program = ts.createProgram([...config.fileNames, ...paths.keys()], config.options, host);
  const problems = new Map([...pieces.keys()].map((name): [string, string[]] => [name, []]));
  for (const { code, file, start = 0, messageText } of ts.getPreEmitDiagnostics(program)) {
    if (code === POSSIBLY_UNDEFINED) continue;
    const text = ts.flattenDiagnosticMessageText(messageText, '\n');
    const name = file && paths.get(file.fileName)?.name;
    if (name === undefined) assert.fail(`${file?.fileName ?? ''}: ${text}`);
    problems.get(name)?.push(`line ${String(file?.getLineAndCharacterOfPosition(start).line)}: ${text}`);
  }
  return problems;
}
