//! What to do about NewsAPI's error codes, by the vendor's own code.

/// The remedy of an error of `/v2/*`.
pub(super) fn remedy(code: &str) -> &'static str {
    match code {
        "apiKeyDisabled" => "the key was disabled; ask NewsAPI or use another",
        "apiKeyExhausted" => "the key has no requests left; wait for the next day or upgrade",
        "apiKeyInvalid" | "apiKeyMissing" => "give a valid key in the X-Api-Key header",
        "parameterInvalid" | "parametersMissing" | "parametersIncompatible" => "correct the request's parameters",
        "rateLimited" => "wait before the next request",
        "sourcesTooMany" => "ask for at most 20 sources at once",
        "sourceDoesNotExist" => "ask for sources that /v2/top-headlines/sources lists",
        "maximumResultsReached" => "the plan ends here; narrow the dates instead of turning pages",
        "corsNotAllowed" => "the developer plan answers requests from a server only",
        _ => "see the error list in NewsAPI's documentation",
    }
}
