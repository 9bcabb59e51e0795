// Phrases that mark a sentence as translated, archaic, or unclear, each with what to write instead.
// The list comes from reading this project's text as a US editor would. Add a phrase when a reader
// stumbles over it. Each pattern must have few false alarms.

/**
 * @typedef {object} Phrase
 * @property {RegExp} pattern what to look for; case-insensitive and global
 * @property {string} advice what to write instead
 */

/** @type {readonly Phrase[]} */
export const PHRASES = [
  // Archaic or rare words.
  [/\bbesides?\b/, 'write "next to", "with", or "in the same folder as"'],
  [/\banew\b/, 'write "again"'],
  [/\bmeanwhile\b/, 'write "in the meantime" or "while …"'],
  [/\bany more\b(?! than)/, 'write "no longer"'],
  [/\bfor ever\b/, 'write "forever" or "permanently"'],
  [/\b(?:lest|hence|thereby|therein|thereof|whereof|hereby|henceforth)\b/, 'use a common word'],
  [/\bwhom\b/, 'name the person, or write "who"'],
  [/\b(?:whoever|whatever|whichever)\b/, 'name the person or the thing'],
  [/\b(?:somebody|nobody|everybody)\b/, 'name the reader: user, caller, recipient'],
  [/\bshould (?:they|it|he|she|one|there)\b/, 'write "if they …"'],
  [/\bis no more\b/, 'write "no longer exists"'],
  [/\bin vain\b/, 'write "without success"'],
  [/\ball the same\b/, 'write "anyway"'],
  [/\bnot (?:even )?once\b/, 'write "never"'],
  // States described as movement or posture.
  [
    /\b(?:stands?|stood|standing) (?:beside|there|in|on|for itself|as|above|below|under)\b/,
    'write "is in", "is on"',
  ],
  [
    /\b(?:lies|lay|lying) (?:in|on|at|beside|between|below|above|under|there)\b/,
    'write "is in", "is on"',
  ],
  [/\b(?:goes|went|going|go) on\b/, 'write "continues"'],
  [/\b(?:comes|came) (?:of|to an end|to be)\b/, 'name the action'],
  // Speech verbs for software.
  [
    /\b(?:is|are|was|were|be|been|being) (?:told|said|heard)\b/,
    'write "is notified", "is sent", "receives"',
  ],
  [
    /\b(?:hears|heard|hear) (?:of|what|whether|about|from|that|when|each|every|all)\b/,
    'write "receives" or "is called with"',
  ],
  [
    /\b(?:tells|tell|told) (?:of|about|people|everybody|who|what|whether|it)\b/,
    'write "reports", "sends", "notifies"',
  ],
  [
    /\b(?:says|said|say) (?:so|what|why|whether|how|of|which|where|when)\b/,
    'write "reports" or "states"',
  ],
  [
    /\b(?:asks|asked|ask) (?:for|whether|about|again|of|what|who)\b/,
    'write "requests", "queries", "checks"',
  ],
  [/\bspeaks? (?:of|for|against|to)\b/, 'name the action'],
  // Clauses used as nouns.
  [
    /(?:^|[.!] )What (?:is|was|are|were|has|have|had|they|it|we|a|an|the|comes|goes|counts|one|no|cannot|can)\b(?![^.!?]*\?)/,
    'name the thing instead of "What …"',
  ],
  [
    /(?:^|[.!] )Who (?:is|was|are|has|may|can|reads|asks)\b(?![^.!?]*\?)/,
    'name the person instead of "Who …"',
  ],
  [
    /\b(?:of|for|from|to|with|by|in|on|and|or|than) what (?:is|was|are|were|has|have|had|they|it|we|you|comes|goes|follows|came)\b/,
    'name the thing: rows, series, values',
  ],
  [/\ball (?:that|who|of which|of them that)\b/, 'name the things: "all rows", "all callers"'],
  [/\bof which\b/, 'split the sentence'],
  [/\bthose (?:of|that|who|which|with|in|from)\b/, 'repeat the noun'],
  [/\bthat of\b(?! (?:the |a |an )?(?:kind|course))/, 'repeat the noun'],
  [/\bthe ones? (?:that|of|which|who|with)\b/, 'repeat the noun'],
  [/\bof (?:its|their|our|his|your) own\b/, 'write "its own …" or "a separate …"'],
  // Word order and missing verbs.
  [/\b(?:needed|known|given|wanted|meant|left) (?:are|is)\b/, 'put the subject first'],
  [
    /(?:^|[.!?])\s*Of (?:the|all|each|every|two|several|many|these|those|equal|both)\b[^.]*,/,
    'put the subject first',
    /^$|[.!?] $/,
    'g',
  ],
  [
    /(?<!there )\b(?:is|are|was|were) no (?:longer )?(?=[a-z]+\b)(?!longer|more|need|way|other|such|better|worse|faster|slower|guarantee|point|reason|limit|matter|data|such)/,
    'write "is not a …" or "isn\'t a …"',
  ],
  // Pronouns for people.
  [/\b(?:her|hers|herself|she)\b/, 'write "they", "their"'],
  // Modal verbs.
  [
    /\bmay (?:be|have|not|also|only|still|then|give|take|use|read|see|make|get|come|contain|name|change|fail|end|start|need|hold|last|reach|say|run|write|ask|do|go|stay|stop)\b/,
    'write "can" or "might"',
  ],
  [/\b(?:need|dare) not\b/, 'write "does not have to"'],
  // Verbs that a translation leaves behind.
  [
    /\b(?:is|are|was|were) (?:believed|reckoned|weighed)\b/,
    'write "trusted", "calculated", "weighted"',
  ],
  [/\b(?:believes?|reckons?) (?:in|that|what|it|only|by|from)\b/, 'write "trusts", "calculates"'],
  [/\bweighed\b/, 'write "weighted"'],
  [/\bas soon as ever\b|\bas far as (?:it|they|is)\b/, 'simplify'],
  [/\bno sooner\b|\bnot until then\b/, 'simplify'],
  [/\b(?:makes|made) (?:of|from|by|out of)\b/, 'write "created from", "computed from"'],
  [/\b(?:has|have|had) to (?:say|tell)\b/, 'write "reports"'],
  [/\bgives? (?:up on|way|rise)\b/, 'write "stops", "causes"'],
  [/\bleaves? (?:nothing|nobody|no )\b/, 'name the result'],
  [/\b(?:mend|mends|mended|mending)\b/, 'write "repair" or "fix"'],
  [/\bthrough and through|\bby and by|\bat all events|\bof late\b/, 'use a common word'],
  [/\b(?:road|herald|estate)\b/, 'use the technical term'],
].map(([pattern, advice]) => ({ pattern: new RegExp(pattern.source, 'gi'), advice }));

/** British spellings and their US forms. Keys are matched as word stems. */
export const US_SPELLING = {
  behaviour: 'behavior',
  colour: 'color',
  favour: 'favor',
  honour: 'honor',
  labour: 'labor',
  neighbour: 'neighbor',
  flavour: 'flavor',
  rumour: 'rumor',
  centre: 'center',
  metre: 'meter',
  licence: 'license',
  defence: 'defense',
  organis: 'organiz',
  recognis: 'recogniz',
  optimis: 'optimiz',
  initialis: 'initializ',
  normalis: 'normaliz',
  serialis: 'serializ',
  synchronis: 'synchroniz',
  minimis: 'minimiz',
  maximis: 'maximiz',
  summaris: 'summariz',
  customis: 'customiz',
  authoris: 'authoriz',
  categoris: 'categoriz',
  analyse: 'analyze',
  catalogue: 'catalog',
  dialogue: 'dialog',
  cancelled: 'canceled',
  cancelling: 'canceling',
  labelled: 'labeled',
  labelling: 'labeling',
  modelled: 'modeled',
  travelled: 'traveled',
  signalled: 'signaled',
  totalled: 'totaled',
  grey: 'gray',
  learnt: 'learned',
  spelt: 'spelled',
  whilst: 'while',
  amongst: 'among',
  towards: 'toward',
  afterwards: 'afterward',
  judgement: 'judgment',
  programme: 'program',
  artefact: 'artifact',
};
