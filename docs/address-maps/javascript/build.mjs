// Makes map.wasm of src/map.js. With every feature of the engine off, the component imports nothing.

import { writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const { component } = await componentize({
  sourcePath: 'src/map.js',
  witPath: 'wit',
  worldName: 'addrmap',
  disableFeatures: ['random', 'stdio', 'clocks', 'http', 'fetch-event'],
});
await writeFile('map.wasm', component);
