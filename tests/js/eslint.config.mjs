import stylistic from "@stylistic/eslint-plugin";

const style = stylistic.configs.customize({
  arrowParens: true, braceStyle: "1tbs", quotes: "double", semi: true });

export default [
  {
    plugins: { "@stylistic": stylistic },
    rules: {
      ...style.rules,
      "eqeqeq": "error",
      "no-shadow": "error",
      "no-unused-vars": ["error", { ignoreRestSiblings: true }],
      "no-var": "error",
      "prefer-const": "error",
      "@stylistic/max-len": ["error", 100],
      "@stylistic/operator-linebreak": ["error", "after", { overrides: { "?": "before", ":": "before" } }],
      "@stylistic/quotes": ["error", "double", { avoidEscape: true }],
      // Lists fill their lines, as in the Python beside them.
      "@stylistic/list-style": "off",
      "@stylistic/multiline-ternary": "off",
      "@stylistic/quote-props": "off",
    },
  },
];
