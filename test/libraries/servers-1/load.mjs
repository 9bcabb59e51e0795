// Imports a package as an ES module from this folder.
export default (name) => import(name);
