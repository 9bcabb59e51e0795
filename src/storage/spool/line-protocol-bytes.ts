// ASCII codes with a meaning in the QuestDB line protocol.
export const LF = 10;
export const SPACE = 32;
export const QUOTE = 34;
export const COMMA = 44;
export const MINUS = 45;
export const EQUALS = 61;
export const BACKSLASH = 92;
