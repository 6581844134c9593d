//! Every type of value crosses into a guest and back and stays equal.

mod support;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use support::Guest;
use taskhost_model::{List, Value, ValueType, arbitrary};

/// Runs of each echo function with different values.
const CASES: u32 = 48;

#[test]
fn every_type_comes_back_from_a_guest_as_it_went_in() {
    let guest = Guest::new("echo");
    let echoes: Vec<_> = guest.tasks.iter().filter(|task| task.function.starts_with("echo-")).collect();
    assert!(echoes.len() > 40, "the guest has an echo for each type");
    for task in echoes.into_iter().filter(|task| task.parameters.len() == 1) {
        let (_, ty) = &task.parameters[0];
        let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&arbitrary::value_of(ty.clone()), |value| {
            let back = guest.call(&task.function, vec![value.clone()]);
            prop_assert!(back == value, "sent {value:?}, got {back:?}");
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("`{}` of `{ty}`: {error}", task.function));
    }
}

#[test]
fn more_arguments_than_registers_travel_through_memory() {
    let guest = Guest::new("echo");
    for name in ["echo-many", "echo-sixteen"] {
        let task = guest.tasks.iter().find(|task| &*task.function == name).expect("the guest has it").clone();
        let types = ValueType::tuple(task.parameters.iter().map(|(_, ty)| ty.clone()));
        let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&arbitrary::value_of(types), |arguments| {
            let Value::Tuple(arguments) = arguments else { unreachable!("a tuple was asked for") };
            let back = match guest.call(name, arguments.to_vec()) {
                Value::Record(fields) | Value::Tuple(fields) => fields.to_vec(),
                Value::List(list) => list.iter().collect(),
                other => panic!("{other:?}"),
            };
            prop_assert_eq!(back, arguments.to_vec());
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("`{name}`: {error}"));
    }
}

#[test]
fn nan_and_nested_options_keep_their_bits() {
    let guest = Guest::new("echo");
    let nan = f64::from_bits(0x7ff8_0000_dead_beef);
    assert_eq!(guest.call("echo-f64", vec![Value::F64(nan)]), Value::F64(nan));
    for value in [Value::NONE, Value::some(Value::NONE), Value::some(Value::some(Value::U32(7)))] {
        assert_eq!(guest.call("echo-option-option", vec![value.clone()]), value);
    }
}

#[test]
fn a_function_without_a_result_gives_the_empty_tuple() {
    let guest = Guest::new("echo");
    assert_eq!(guest.call("nothing", vec![]), Value::tuple([]));
    assert_eq!(guest.call("no-result", vec![Value::U32(1)]), Value::tuple([]));
}

#[test]
fn async_functions_take_and_give_values_too() {
    let guest = Guest::new("async-tasks");
    assert_eq!(guest.call("slow-double", vec![Value::U32(21)]), Value::U32(42));
    assert_eq!(guest.call("same", vec![Value::U32(3)]), Value::U32(3));
    let bytes = Value::List(List::bytes(vec![7; 1 << 20]));
    assert_eq!(guest.call("slow-bytes", vec![bytes.clone()]), bytes);
    assert_eq!(guest.call("slow-fail", vec![Value::string("no")]), Value::err(Some(Value::string("no"))));
}

#[test]
fn functions_beside_async_ones_keep_their_own_way_of_returning() {
    let guest = Guest::new("async-tasks");
    for function in ["pair", "slow-pair"] {
        let arguments = vec![Value::U32(7), Value::string("seven")];
        assert_eq!(guest.call(function, arguments.clone()), Value::tuple(arguments), "{function}");
    }
    for function in ["same-many", "slow-many"] {
        let many = Value::record((0..20).map(Value::U32));
        assert_eq!(guest.call(function, vec![many.clone()]), many, "{function}");
    }
}

#[test]
fn sixty_four_mebibytes_pass_through_a_guest() {
    let mut guest = Guest::new("echo");
    guest.limits.memory_bytes_max = 1 << 30;
    let bytes: Vec<u8> = (0..64 << 20).map(|n| n as u8).collect();
    let value = Value::List(List::bytes(bytes));
    assert_eq!(guest.call("echo-list-u8", vec![value.clone()]), value);
}
