// A textlint plugin that reads the comments and the sentences of YAML files.
import { documentOf } from './code-plugin.mjs';

const MIN_WORDS = 4;

export default {
  Processor: class {
    availableExtensions() {
      return ['.yaml', '.yml'];
    }
    processor() {
      return {
        preProcess: (text) => documentOf(text, yamlBlocks(text)),
        postProcess: (messages, filePath) => ({ messages, filePath: filePath ?? '<yaml>' }),
      };
    }
  },
};

/** Finds comments (consecutive lines are one block) and values with several words. */
function yamlBlocks(text) {
  const blocks = [];
  let start = 0;
  let comment;
  for (const line of text.split('\n')) {
    const isComment = /^\s*#/.test(line);
    const masked = isComment
      ? line.replace(/^\s*#+/, (mark) => ' '.repeat(mark.length))
      : line
          .replace(/^\s*(?:- )*(?:[\w.-]+:\s)?\s*/, (key) => ' '.repeat(key.length))
          .replace(/\{\{.*?\}\}/g, (field) => 'x'.repeat(field.length));
    if (isComment && comment) comment.raw += `\n${masked}`;
    else {
      comment = isComment ? { start, raw: masked } : undefined;
      const words = masked.match(/\b[A-Za-z]{2,}\b/g) ?? [];
      if (comment) blocks.push(comment);
      else if (words.length >= MIN_WORDS && !/\b(?:SELECT|FROM)\b|^\s*[{[]/.test(masked)) {
        blocks.push({ start, raw: masked });
      }
    }
    start += line.length + 1;
  }
  return blocks;
}
