import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Ways to make HTML or code of a string: nothing that the server sends may become either. */
const injections = ['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'srcdoc'].map((property) => ({
  property,
  message: 'Render text with JSX.',
}));

export default tseslint.config(
  { ignores: ['client/', 'generated/', 'node_modules/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['src/**/*.ts', 'src/**/*.tsx'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      eqeqeq: 'error',
      'no-eval': 'error',
      'no-implied-eval': 'off', // typescript-eslint's own rule knows types
      'no-restricted-globals': [
        'error',
        { name: 'localStorage', message: 'Keys stay in memory or in sessionStorage.' },
        { name: 'EventSource', message: 'It sends no Authorization header: use fetch.' },
      ],
      'no-restricted-properties': ['error', ...injections, { object: 'document', property: 'write' }],
      'no-restricted-syntax': [
        'error',
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: 'Render text with JSX.',
        },
        { selector: "Property[key.name='dangerouslySetInnerHTML']", message: 'Render text with JSX.' },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
  {
    files: ['*.mjs', '*.js'],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } },
  },
);
