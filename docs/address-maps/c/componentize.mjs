// componentize.mjs MODULE COMPONENT: wraps the core module that the compiler makes into a component.
// The world travels inside the module, by bindings/addrmap_component_type.o.

import { readFile, writeFile } from 'node:fs/promises';
import { componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';

const [module, component] = process.argv.slice(2);
await writeFile(component, await componentNew(await readFile(module)));
