//! Decides what kind of failure an error is: exact words first, then phrases, then the status.

use super::FaultClass;
use super::FaultClass::{
    Auth, BadRequest, ContentPolicy, ContextLength, NotFound, Overloaded, Permission, Quota,
    RateLimit, Server, Timeout, TooLarge, Unknown,
};

/// What an error says about itself.
pub(super) struct Facts<'a> {
    pub(super) status: u16,
    pub(super) kind: Option<&'a str>,
    pub(super) code: Option<&'a str>,
    pub(super) hints: &'a [String],
    pub(super) message: &'a str,
    pub(super) minimax: Option<i64>,
}

/// Words of `code`, `type`, `status` and `reason` that mean one thing wherever they stand;
/// compared without case, blanks, dots, dashes and underscores.
const WORDS: &[(&str, FaultClass)] = &[
    ("contextlengthexceeded", ContextLength),
    ("contextwindowexceeded", ContextLength),
    ("modelcontextwindowexceeded", ContextLength),
    ("exceedcontextsizeerror", ContextLength), // llama.cpp
    ("contentfilter", ContentPolicy),
    ("contentpolicyviolation", ContentPolicy),
    ("contentfiltererror", ContentPolicy),
    ("responsibleaipolicyviolation", ContentPolicy),
    ("moderationblocked", ContentPolicy),
    ("imagecontentpolicyviolation", ContentPolicy),
    ("datainspectionfailed", ContentPolicy), // Qwen
    ("inputtextsensitivecontentdetected", ContentPolicy), // Volcengine
    ("sensitivecontentdetected", ContentPolicy),
    ("contentsensitive", ContentPolicy),
    ("prohibitedcontent", ContentPolicy),
    ("invalidapikey", Auth),
    ("incorrectapikey", Auth),
    ("apikeyinvalid", Auth), // Google, with HTTP 400
    ("apikeyexpired", Auth),
    ("apikeynotfound", Auth),
    ("authenticationerror", Auth),
    ("invalidauthenticationerror", Auth), // Moonshot
    ("invalidauthentication", Auth),
    ("unauthenticated", Auth),
    ("unauthorized", Auth),
    ("accesstokenexpired", Auth),
    ("tokenexpired", Auth),
    ("accountdeactivated", Auth),
    ("permissiondenied", Permission),
    ("permissionerror", Permission),
    ("permissiondeniederror", Permission),
    ("accessdenied", Permission),
    ("modelaccessdenied", Permission),
    ("servicedisabled", Permission),
    ("apikeyserviceblocked", Permission),
    ("unsupportedcountryregionterritory", Permission),
    ("modelnotfound", NotFound),
    ("modelnotexist", NotFound),
    ("notfounderror", NotFound),
    ("notfound", NotFound),
    ("deploymentnotfound", NotFound),
    ("resourcenotfounderror", NotFound),
    ("invalidendpointormodelnotfound", NotFound), // Volcengine
    ("unknownmodel", NotFound),
    // What fails a response by the caller's own doing
    // (<https://platform.openai.com/docs/api-reference/responses/object>).
    ("invalidprompt", BadRequest),
    ("invalidimage", BadRequest),
    ("invalidimageformat", BadRequest),
    ("invalidbase64image", BadRequest),
    ("invalidimageurl", BadRequest),
    ("invalidimagemode", BadRequest),
    ("imagetoolarge", BadRequest),
    ("imagetoosmall", BadRequest),
    ("imageparseerror", BadRequest),
    ("imagefiletoolarge", BadRequest),
    ("imagefilenotfound", BadRequest),
    ("emptyimagefile", BadRequest),
    ("failedtodownloadimage", BadRequest),
    ("unsupportedimagemediatype", BadRequest),
    ("requesttoolarge", TooLarge),
    ("payloadtoolarge", TooLarge),
    ("insufficientquota", Quota),
    ("insufficientbalance", Quota),
    ("insufficientuserquota", Quota),
    ("exceededcurrentquotaerror", Quota), // Moonshot
    ("billingerror", Quota),
    ("billinghardlimitreached", Quota),
    ("billingnotactive", Quota),
    ("billingdisabled", Quota),
    ("creditbalancetoolow", Quota),
    ("insufficientcredits", Quota),
    ("paymentrequired", Quota),
    ("arrearage", Quota),           // Qwen
    ("accountoverdueerror", Quota), // Volcengine
    ("quotaexceeded", Quota),
    ("ratelimitexceeded", RateLimit),
    ("ratelimitexceedederror", RateLimit),
    ("ratelimiterror", RateLimit),
    ("ratelimitreachederror", RateLimit), // Moonshot
    ("toomanyrequests", RateLimit),
    ("throttling", RateLimit), // Qwen, with finer words behind a dot
    ("throttlingratequota", RateLimit),
    ("throttlingallocationquota", RateLimit),
    ("throttlingexception", RateLimit),
    ("limitrequests", RateLimit),
    ("limitburstrate", RateLimit),
    ("overloadederror", Overloaded),
    ("overloaded", Overloaded),
    ("engineoverloadederror", Overloaded), // Moonshot
    ("engineoverloaded", Overloaded),
    ("serveroverloaded", Overloaded), // Volcengine
    ("modeloverloaded", Overloaded),
    ("serviceunavailable", Overloaded),
    ("serviceunavailableerror", Overloaded),
    ("unavailable", Overloaded),
    ("timeouterror", Timeout),
    ("timeout", Timeout),
    ("requesttimeout", Timeout),
    ("deadlineexceeded", Timeout),
];

/// Zhipu's codes are numbers in quotes: <https://docs.bigmodel.cn/cn/faq/api-code>.
const ZHIPU: &[(&str, FaultClass)] = &[
    ("1000", Auth),
    ("1001", Auth),
    ("1002", Auth),
    ("1003", Auth),
    ("1004", Auth),
    ("1110", Quota),
    ("1111", NotFound),
    ("1112", Permission),
    ("1113", Quota),
    ("1210", BadRequest),
    ("1211", NotFound),
    ("1214", BadRequest),
    ("1220", Permission),
    ("1261", ContextLength),
    ("1301", ContentPolicy),
    ("1302", RateLimit),
    ("1303", RateLimit),
    ("1304", RateLimit),
    ("1305", RateLimit),
    ("1308", RateLimit),
    ("1309", Quota),
];

/// MiniMax's codes: <https://platform.minimaxi.com/docs/api-reference/errorcode>.
const MINIMAX: &[(i64, FaultClass)] = &[
    (1000, Server),
    (1001, Timeout),
    (1002, RateLimit),
    (1004, Auth),
    (1008, Quota),
    (1013, Server),
    (1024, Server),
    (1026, ContentPolicy),
    (1027, ContentPolicy),
    (1033, Server),
    (1039, RateLimit),
    (1041, RateLimit),
    (1042, BadRequest),
    (2013, BadRequest),
    (2045, RateLimit),
    (2049, Auth),
    (2056, Quota),
];

/// Phrases of messages, in small letters; the first that is contained decides.
const PHRASES: &[(&str, FaultClass)] = &[
    ("maximum context length", ContextLength),
    ("context length exceeded", ContextLength),
    ("exceeds the context length", ContextLength),
    ("context window", ContextLength),
    ("available context size", ContextLength),
    ("prompt is too long", ContextLength),
    ("input is too long", ContextLength),
    ("maximum prompt length", ContextLength), // xAI
    ("request exceeded model token limit", ContextLength), // Moonshot
    ("range of input length should be", ContextLength), // Qwen
    (
        "exceeds the maximum number of tokens allowed",
        ContextLength,
    ), // Gemini
    ("reduce the length of the messages", ContextLength),
    ("must be less than max_seq_len", ContextLength), // SiliconFlow
    ("max message tokens", ContextLength),            // Volcengine
    ("credit balance is too low", Quota),             // Anthropic, as invalid_request_error
    ("credits are depleted", Quota),                  // Gemini
    ("insufficient balance", Quota),                  // DeepSeek
    ("insufficient account balance", Quota),
    ("insufficient credits", Quota),
    ("insufficient_quota", Quota),
    ("requires more credits", Quota), // OpenRouter
    ("run out of credits", Quota),
    ("used all available credits", Quota), // xAI
    ("billing hard limit", Quota),
    ("account is not active, please check your billing", Quota),
    ("account is in arrears", Quota),
    ("overdue payment", Quota),
    ("余额不足", Quota),
    ("欠费", Quota),
    ("无可用资源包", Quota), // Zhipu
    ("额度不足", Quota),
    ("content management policy", ContentPolicy), // Azure
    ("flagged as potentially violating", ContentPolicy),
    ("rejected by the safety system", ContentPolicy),
    ("rejected as a result of our safety system", ContentPolicy),
    ("content exists risk", ContentPolicy), // DeepSeek
    ("blocked by content filtering policy", ContentPolicy), // Anthropic
    ("敏感内容", ContentPolicy),
    ("api key not valid", Auth), // Gemini
    ("incorrect api key", Auth),
    ("invalid api key", Auth),
    ("invalid x-api-key", Auth),
    ("api key expired", Auth),
    ("user location is not supported", Permission),
    ("overloaded", Overloaded),
    ("at capacity", Overloaded),
    ("no available capacity", Overloaded),
    ("experiencing high demand", Overloaded),
];

/// Words for large families, which a clear status overrules.
const FAMILIES: &[(&str, FaultClass)] = &[
    ("resourceexhausted", RateLimit),
    ("invalidrequesterror", BadRequest),
    ("invalidrequest", BadRequest),
    ("invalidargument", BadRequest),
    ("invalidparameter", BadRequest),
    ("invalidparametererror", BadRequest),
    ("badrequest", BadRequest),
    ("badrequesterror", BadRequest),
    ("failedprecondition", BadRequest),
    ("outofrange", BadRequest),
    ("validationerror", BadRequest),
    ("unsupportedparameter", BadRequest),
    ("unsupportedvalue", BadRequest),
    ("conflicterror", BadRequest),
    ("servererror", Server),
    ("internalservererror", Server),
    ("internalerror", Server),
    ("internal", Server),
    ("apierror", Server),
    ("upstreamerror", Server),
    ("unknown", Server),
];

pub(super) fn of(facts: &Facts<'_>) -> FaultClass {
    if let Some(code) = facts.minimax {
        return lookup(MINIMAX, &code).unwrap_or(Server);
    }
    let words: Vec<String> = facts
        .hints
        .iter()
        .map(String::as_str)
        .chain(facts.code)
        .chain(facts.kind)
        .map(plain)
        .collect();
    let word =
        |table: &[(&str, FaultClass)]| words.iter().find_map(|word| lookup(table, &word.as_str()));
    word(WORDS)
        .or_else(|| lookup(ZHIPU, &facts.code?))
        .or_else(|| phrase(facts.message))
        .or_else(|| FaultClass::of_clear_status(facts.status))
        .or_else(|| word(FAMILIES))
        .unwrap_or_else(|| FaultClass::of_status(facts.status))
}

fn lookup<K: PartialEq>(table: &[(K, FaultClass)], key: &K) -> Option<FaultClass> {
    table
        .iter()
        .find(|(known, _)| known == key)
        .map(|(_, class)| *class)
}

fn plain(word: &str) -> String {
    word.chars()
        .filter(|char| char.is_alphanumeric())
        .map(|char| char.to_ascii_lowercase())
        .collect()
}

fn phrase(message: &str) -> Option<FaultClass> {
    let message = message.to_lowercase();
    PHRASES
        .iter()
        .find(|(phrase, _)| message.contains(phrase))
        .map(|(_, class)| *class)
}

impl FaultClass {
    /// What a status says that is clearer than a family of kinds.
    fn of_clear_status(status: u16) -> Option<FaultClass> {
        Some(match status {
            401 => Auth,
            402 => Quota,
            403 => Permission,
            404 => NotFound,
            408 | 504 | 524 => Timeout,
            413 => TooLarge,
            429 => RateLimit,
            503 | 529 => Overloaded,
            _ => return None,
        })
    }

    /// What a status alone says.
    pub fn of_status(status: u16) -> FaultClass {
        match (FaultClass::of_clear_status(status), status) {
            (Some(class), _) => class,
            (None, 400..=499) => BadRequest,
            (None, 500..=599) => Server,
            (None, _) => Unknown,
        }
    }
}
