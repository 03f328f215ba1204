/** Of Everboot: that of package.json (test/unit/base/version.test.ts). */
export const VERSION = "0.1.0";
