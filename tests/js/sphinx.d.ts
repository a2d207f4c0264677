// What Sphinx puts on every page.
declare const DOCUMENTATION_OPTIONS: { pagename: string };
