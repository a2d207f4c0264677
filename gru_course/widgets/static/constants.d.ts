// What Python knows, in front of the shared parts or of the widget's own module (see _base.py and
// `constants` of the widgets' classes).

/** The palette, by symbol. */
declare const COLORS: Record<string, string>;
/** widgets.css */
declare const STYLE: string;
/** The widget's settings as its class declares them, in that order; {} for one without a control. */
declare const SETTINGS: Record<string, {
  kind: "number" | "whole" | "choice" | "switch",
  label: string,
  help: string,
  /** Of a number: the ends and stops of its slider, and its symbol in the palette. */
  low: number,
  high: number,
  step: number,
  color: string,
  /** Of a choice: its values, and what each is called. */
  options: Record<string, string>,
}>;
/** The goals for this kind of widget: [reading, low, high, sentence] for each rule. */
declare const GOALS: Record<
  string,
  { rules: [string, number | null, number | null, string][], praise: string }
>;

/** Of the page's script: what stands in front of every module, and the modules' own texts. */
declare const PARTS: string;
declare const MODULES: Record<string, string>;

/** Of cobweb and the explorers: what each button sets. */
declare const PRESETS: Record<string, Record<string, number | boolean>>;

/** cobweb: what is said of the map. */
declare const SENTENCES: Record<string, string>;

/** gate_explorer: the two forms of the picture, as SVG. */
declare const PICTURES: { wide: string, narrow: string };

/** gradient_flow */
declare const NETWORKS: Record<string, string>;
declare const WEIGHTS: Record<string, Record<string, number[] | number[][]>>;
declare const RHO: Record<string, number>;
declare const XS: number[][];
declare const V: number[];
declare const LIMITS: [number, number];

/** launch_timeline: what is said of each bound. */
declare const BOUNDS: Record<string, string>;

/** sequence_player: what blanks are called. */
declare const TOKEN_NAMES: Record<string, string>;
