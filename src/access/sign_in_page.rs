//! The page that asks for a token, in place of whatever page was asked for.

use maud::{DOCTYPE, Markup, html};

/// The page with what went wrong, if anything did; its form leads back to `next`.
pub fn sign_in_page(message: &str, next: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Sign in · mrrd" }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/sign-in.css";
                script src="/assets/sign-in.js" type="module" {}
            }
            body {
                main {
                    form #sign-in method="post" action="/sign-in" {
                        h1 { img src="/assets/icon.svg" alt="" width="22" height="22"; " mrrd" }
                        p role="alert" class="bad" { (message) }
                        input type="text" name="account" value="mrrd" autocomplete="username" hidden;
                        label for="token" { "Token" }
                        input #token name="token" type="password" autocomplete="current-password" spellcheck="false" required
                            autofocus;
                        input name="next" type="hidden" value=(next);
                        button type="submit" { "Sign in" }
                        p class="hint" {
                            "The token is in " code { "mrrd.token" } " beside the database, or one of "
                            code { "api.tokens" } ". " code { "mrrd token create" } " makes another."
                        }
                    }
                }
            }
        }
    }
}
