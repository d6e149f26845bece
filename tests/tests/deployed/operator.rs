//! `waybill smoke` and `waybill doctor` where the function verifies tokens, and a grants function of the host decides.

use waybill_tests::{Owner, Stack, generated_orders, load_orders, orders_csv, waybill_command};

use crate::host::Host;

#[tokio::test]
async fn smoke_exports_the_records_of_a_parent_as_a_person_of_the_host() {
    let stack = Stack::get().asking_host();
    let name = stack.output("stack");
    let (code, said) = waybill_command(&stack, &["smoke", name]).await;
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("knows no parent of a test: give --type, --parent and --person"),
        "{said}"
    );

    let host = Host::of(&stack).await;
    let ana = Owner::new(&stack, "Ana").await;
    let project = ana.project.to_string();
    host.let_in(&ana.sub, &format!("project:{project}")).await;
    load_orders(&stack, ana.project, orders_csv(&generated_orders(20))).await;
    let arguments = [
        "smoke", name, "--type", "orders", "--parent", &project, "--person", &ana.sub,
    ];
    let (code, said) = waybill_command(&stack, &arguments).await;
    assert_eq!(code, 0, "{said}");
    for line in [
        "signed in by a session",
        "20 rows",
        "SES accepted the mail",
        "its link refuses",
        "in the list of its parent",
    ] {
        assert!(said.contains(line), "{line:?} is missing: {said}");
    }

    // Somebody whom the host does not let in.
    let arguments = [
        "smoke", name, "--type", "orders", "--parent", &project, "--person", "nobody",
    ];
    let (code, said) = waybill_command(&stack, &arguments).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("/exports was answered with 404"), "{said}");
}
