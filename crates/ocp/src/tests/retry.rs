//! The connection for a further attempt.

use std::sync::Arc;

use opes_profile::http::Profile;
use opes_services::Identity;

use super::both::{Client, Pair};
use crate::client::GroupSpec;
use crate::client::pool::Choice;

fn spec() -> GroupSpec {
    GroupSpec::new(Profile::Response, ["urn:identity"])
}

fn pair(client: &Client) -> Pair {
    client.pair(&[spec()], vec![Arc::new(Identity::new("urn:identity"))])
}

#[test]
fn a_further_attempt_goes_to_no_connection_that_may_be_stopping() {
    let client = Client::new();
    let (first, mut second) = (pair(&client), pair(&client));
    let under_way = [client.start(&spec()), client.start(&spec())];
    assert_eq!(under_way.each_ref().map(|transaction| transaction.link()), [first.id, second.id]);
    // A server that stops keeps both for the sake of these, and refuses what is new on either.
    let Choice::Open(groups) = client.choose_again(&spec(), first.id) else { panic!("not on the second") };
    assert_eq!(groups, [spec()]);
    let third = pair(&client);
    let Choice::Started(again) = client.choose_again(&spec(), first.id) else { panic!("it is new") };
    assert_eq!(again.link(), third.id);
    drop(under_way);
    second.exchange();
    let Choice::Started(again) = client.choose_again(&spec(), third.id) else { panic!("they are idle") };
    assert_eq!(again.link(), second.id, "one that were stopping would have ended");
}

#[test]
fn attempt_after_attempt_does_not_open_connection_after_connection() {
    let client = Client::of_one_connection();
    let pairs = [pair(&client), pair(&client), pair(&client)];
    let _under_way = [client.start(&spec()), client.start(&spec()), client.start(&spec())];
    let Choice::Started(again) = client.choose_again(&spec(), pairs[0].id) else {
        panic!("there are enough")
    };
    assert_eq!(again.link(), pairs[2].id, "the newest is the least likely to stop");
}

#[tokio::test]
async fn where_no_connection_can_be_opened_another_one_is_tried_nevertheless() {
    let client = Client::new();
    let (first, second) = (pair(&client), pair(&client));
    let _under_way = [client.start(&spec()), client.start(&spec())];
    let again = client.start_again(&spec(), first.id).await.expect("there is the second");
    assert_eq!(again.link(), second.id);
}
