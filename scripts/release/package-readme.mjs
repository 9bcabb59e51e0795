import { QUESTDB_VERSION } from '../../src/storage/questdb/questdb-release.mjs';

/**
 * Returns the README of a platform package.
 *
 * @param {string} platform for example `linux-x64`
 * @param {string} javaVersion for example `17.0.15`
 * @returns {string}
 */
export function formatPackageReadme(platform, javaVersion) {
  return `# QuestDB for Perfscope on ${platform}

This package contains QuestDB ${QUESTDB_VERSION} and a Java ${javaVersion} runtime. If it is installed next to
Perfscope or in the project in the current folder, \`perfscope serve\` uses it. Then the machine needs neither Java nor
Maven. This package has no API.

| File                       | Content                                                                               |
| -------------------------- | ------------------------------------------------------------------------------------- |
| \`questdb.jar\`              | QuestDB from Maven Central, without the native libraries of other platforms           |
| \`runtime/\`                 | An OpenJDK runtime, created with \`jlink\`, with only the modules that QuestDB needs    |
| \`LICENSE\`                  | The Apache License 2.0, which applies to QuestDB                                      |
| \`THIRD_PARTY_LICENSES.txt\` | Licenses of the software inside QuestDB                                               |
| \`sbom.cdx.json\`            | The software in this package, as a CycloneDX document                                 |
| \`runtime/legal/\`           | The GNU General Public License 2 with the Classpath Exception, and other Java licenses |

Source code: <https://github.com/questdb/questdb/tree/${QUESTDB_VERSION}> and <https://github.com/openjdk>. For a
runtime that was created from a Linux distribution's JDK, use the distribution's source package of version
${javaVersion}.
`;
}
