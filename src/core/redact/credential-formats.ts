import type { RedactionRule } from './redaction-rule.ts';

/** Formats of access keys. Each starts with a fixed prefix, which is followed by random characters. */
const KEY_FORMATS = [
  // AWS and Alibaba Cloud
  '(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA|A3T[A-Z\\d])[A-Z\\d]{12,}',
  'LTAI[A-Za-z\\d]{16,}',
  // GitHub and GitLab
  'gh[oprsu]_[A-Za-z\\d_]{10,}',
  'github_pat_\\w{10,}',
  'gl(?:pat|ptt|rt|dt|ft|imt|soat|oas|cbt|ffct|agent)-[\\w-]{10,}(?:\\.[\\w-]+)*',
  'GR1348941[\\w-]{10,}',
  // Stripe
  '(?:sk|rk|pk|sess)_(?:live|test|prod)_[A-Za-z\\d]{8,}',
  'whsec_[A-Za-z\\d+/=_-]{8,}',
  // Slack
  'xox[a-z](?:\\.xox[a-z])?-[\\w-]{6,}',
  'xapp-\\d-[\\w-]{6,}',
  // Google
  'AIza[\\w-]{20,}',
  'ya29\\.[\\w-]{10,}',
  'GOCSPX-[\\w-]{10,}',
  // Package registries
  'npm_[A-Za-z\\d]{20,}',
  'pypi-[\\w-]{16,}',
  'rubygems_[\\da-f]{20,}',
  'dckr_pat_[\\w-]{10,}',
  // Email, messages, and payment
  'SG\\.[\\w-]{10,}(?:\\.[\\w-]+)*',
  'xkeysib-[\\da-f]{20,}(?:-[A-Za-z\\d]+)?',
  'key-[\\da-f]{32}',
  '(?:SK|AC)[\\da-f]{32}',
  '\\d{8,10}:AA[\\w-]{30,}',
  'sq0[a-z]{3}-[\\w-]{20,}',
  'EAAA[\\w-]{20,}',
  // AI services
  'sk-(?:proj|svcacct|admin|ant|or|live|test)-[\\w-]{10,}',
  'sk-[A-Za-z\\d]{20,}',
  '(?:hf|r8|api_org)_[A-Za-z\\d]{20,}',
  'pplx-[A-Za-z\\d]{20,}',
  // Hosting, databases, and monitoring
  'do[opr]_v1_[\\da-f]{20,}',
  'shp(?:at|ca|pa|ss)_[\\dA-Fa-f]{20,}',
  'hv[bsr]\\.[\\w-]{20,}',
  'dapi[\\da-f]{32}(?:-\\d)?',
  'dp\\.(?:pt|st|ct|sa)\\.[A-Za-z\\d.]{20,}',
  'pscale_[a-z]{2,5}_[\\w=.-]{20,}',
  'sbp_[\\da-f]{20,}',
  'lin_api_[A-Za-z\\d]{20,}',
  'ntn_[A-Za-z\\d]{20,}',
  'secret_[A-Za-z\\d]{32,}',
  'PMAK-[\\dA-Fa-f-]{20,}',
  'gl(?:sa|c)_[A-Za-z\\d+/=_]{20,}',
  'NRAK-[A-Z\\d]{20,}',
  'sntr[a-z]s?_[\\w+/=]{20,}',
  'HRKU-[\\w-]{20,}',
  'AGE-SECRET-KEY-1[A-Z\\d]{20,}',
  // Perfscope
  'psk_[\\w-]+',
].join('|');

/** Rules for credentials with a known format, wherever they are in the text. */
export const CREDENTIAL_RULES: readonly RedactionRule[] = [
  // A JSON Web Token. It starts with the Base64 form of `{"`.
  [/(?<![A-Za-z])eyJ[\w-]{4,}(?:\.[\w-]+){0,4}/g, '[token]'],
  [new RegExp(`(?<![A-Za-z])(?:${KEY_FORMATS})`, 'g'), '[key]'],
  // URLs that contain the credential of a webhook.
  [
    /(?<![A-Za-z])(hooks\.slack\.com\/(?:services|workflows|triggers)\/|discord(?:app)?\.com\/api\/webhooks\/|webhook\.office\.com\/webhookb2\/|api\.telegram\.org\/bot)[^\s"'<>`]+/g,
    '[secret]',
  ],
  // An HTTP scheme and its credentials, but not words as in `Bearer token expired`.
  [
    /(?<![A-Za-z])((?:[Bb]earer|BEARER)[ \t]{1,8})(?!(?:tokens?|auth|authentication|authorization|scheme|realm|error|header|is|was|not|must|required|missing|invalid|expired|and|or|with|in|for)\b)(?=[\w~])[\w.~+/=-]+/g,
    '[secret]',
  ],
  [
    /(?<![A-Za-z])((?:[Bb]asic|BASIC|[Nn]egotiate|NTLM)[ \t]{1,8})(?=[A-Za-z+/]{0,400}(?:[\d=]|[a-z][A-Z]))[\w.~+/=-]{8,}/g,
    '[secret]',
  ],
  [
    /(?<![A-Za-z])(?:[Uu]sername|response|nonce|cnonce|opaque)="[^"\n]*"(?:,[ \t]{0,8}[\w-]{1,64}=(?:"[^"\n]*"?|[^\s,"]+))+/g,
    '[secret]',
  ],
];
