import js from '@eslint/js';
import comments from '@eslint-community/eslint-plugin-eslint-comments/configs';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const typed = ['{src,test,example-express,docs}/**/*.{ts,mts,cts,cjs}', 'test/tools/**/*.js'];

const got = { name: 'got', message: 'Only src/got.ts talks to got.' };
const undici = { name: 'undici', message: 'Only src/undici.ts talks to undici.' };
const undiciTransport = { regex: '/undici\\.js$', message: 'undici is optional: whoever wants it imports it.' };
const simulator = { regex: '/simulator/', message: 'The library does not need its simulator.' };
/** @param {number} depth how many folders deep inside src/simulator the file is */
const outsideSimulator = (depth) => ({
  regex: `^(\\.\\./){${String(depth + 1)}}|^passport-wechat-code`,
  message: 'The simulator stands alone: what it knows of WeChat must not come from the code it tests.',
});

/** @param {{ paths?: object[], patterns?: object[] }} options */
const restrictImports = (options) => ({ 'no-restricted-imports': ['error', options] });

export default defineConfig(
  globalIgnores(['**/dist/', 'coverage/', 'example-express/public/*.js']),
  { linterOptions: { reportUnusedDisableDirectives: 'error', reportUnusedInlineConfigs: 'error' } },
  js.configs.recommended,
  comments.recommended,
  {
    rules: {
      '@eslint-community/eslint-comments/require-description': ['error', { ignore: ['eslint-enable'] }],
      eqeqeq: 'error',
    },
  },
  {
    files: typed,
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-invalid-void-type': 'off', // a callback may return nothing or a promise
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      'no-undef': 'off', // the type checker's job
      'no-restricted-syntax': [
        'error',
        { selector: 'TSAsExpression > TSAsExpression', message: 'Narrow the value instead of asserting twice.' },
        { selector: 'ImportExpression[source.value="got"]', message: got.message },
        { selector: 'ImportExpression[source.value="undici"]', message: undici.message },
      ],
    },
  },
  { files: typed, ignores: ['src/**'], rules: restrictImports({ paths: [got, undici] }) },
  {
    files: ['src/**'],
    ignores: ['src/got.ts', 'src/undici.ts', 'src/cli.ts'],
    rules: restrictImports({ paths: [got, undici], patterns: [simulator, undiciTransport] }),
  },
  { files: ['src/got.ts'], rules: restrictImports({ paths: [undici], patterns: [simulator, undiciTransport] }) },
  { files: ['src/undici.ts'], rules: restrictImports({ paths: [got], patterns: [simulator] }) },
  { files: ['src/cli.ts'], rules: restrictImports({ paths: [got, undici], patterns: [undiciTransport] }) },
  { files: ['src/simulator/*'], rules: restrictImports({ paths: [got, undici], patterns: [outsideSimulator(0)] }) },
  { files: ['src/simulator/*/*'], rules: restrictImports({ paths: [got, undici], patterns: [outsideSimulator(1)] }) },
  {
    // What JSON.parse gives is typed by a comment there.
    files: ['test/tools/**'],
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off', '@typescript-eslint/no-unsafe-return': 'off' },
  },
  {
    files: ['test/**'],
    rules: {
      // Stubs that do nothing, and deliberate throws and rejections with what is no Error: both are test inputs.
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
    },
  },
  {
    // As their readers write them: Passport's types say any, and what a framework got wrong is thrown on as it came.
    files: ['docs/recipes/**/*.{ts,cjs}'],
    rules: {
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
    },
  },
  {
    files: ['docs/recipes/**/*.mjs'],
    rules: { 'no-undef': 'off', 'no-unused-vars': ['error', { argsIgnorePattern: '^_' }] }, // tsc knows the globals
  },
  { files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  {
    // Calls packages that may not be installed. The type checker knows the globals.
    files: ['test/benchmark/**/*.js'],
    rules: { 'no-undef': 'off' },
  },
  {
    // Compiled by test/package.test.ts against the packed package, which is not there to be resolved here.
    files: ['test/consumer/**'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { '@typescript-eslint/no-require-imports': ['error', { allowAsImport: true }] },
  },
);
