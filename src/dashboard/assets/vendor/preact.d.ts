// Types of the vendored module, for `make lint`; no browser asks for them.
export { h, render, Fragment, createContext } from "preact";
export type { ComponentChildren } from "preact";
export { useState, useEffect, useLayoutEffect, useMemo, useRef, useCallback, useContext, useId } from "preact/hooks";
export const html: (strings: TemplateStringsArray, ...values: any[]) => any;
