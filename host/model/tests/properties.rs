//! What holds for every type and every value.

use proptest::prelude::*;
use taskhost_model::arbitrary::{typed_value, value_of, value_type};
use taskhost_model::assign::{self, Fit};
use taskhost_model::{Field, List, Value, ValueType, json};

/// A type that `ty` may feed.
fn wider(ty: &ValueType) -> BoxedStrategy<ValueType> {
    let inside = match ty.clone() {
        ValueType::U8 => {
            proptest::sample::select(vec![ValueType::U8, ValueType::S16, ValueType::U32, ValueType::U64]).boxed()
        }
        ValueType::S16 => proptest::sample::select(vec![ValueType::S16, ValueType::S32, ValueType::S64]).boxed(),
        ValueType::U32 => proptest::sample::select(vec![ValueType::U32, ValueType::S64, ValueType::U64]).boxed(),
        ValueType::List(element) => wider(&element).prop_map(ValueType::list).boxed(),
        ValueType::Option(inner) => wider(&inner).prop_map(ValueType::option).boxed(),
        ValueType::Tuple(items) => items.iter().map(wider).collect::<Vec<_>>().prop_map(ValueType::tuple).boxed(),
        ValueType::Result { ok: Some(ok), err } => {
            wider(&ok).prop_map(move |ok| ValueType::Result { ok: Some(ok.into()), err: err.clone() }).boxed()
        }
        ValueType::Record(fields) => (fields.iter().map(|field| wider(&field.ty)).collect::<Vec<_>>(), any::<bool>())
            .prop_map(move |(types, extra)| {
                let named = fields.iter().zip(types).map(|(field, ty)| Field { name: field.name.clone(), ty });
                let extra =
                    extra.then(|| Field { name: "an-extra-field".into(), ty: ValueType::option(ValueType::U8) });
                named.chain(extra).collect::<Vec<_>>()
            })
            .prop_shuffle()
            .prop_map(|fields| ValueType::Record(fields.into()))
            .boxed(),
        ty => Just(ty).boxed(),
    };
    prop_oneof![3 => inside.clone(), 1 => inside.prop_map(ValueType::option)].boxed()
}

proptest! {
    #[test]
    fn a_type_reads_back_from_its_text(ty in value_type()) {
        prop_assert_eq!(ty.to_string().parse::<ValueType>().expect("its own text"), ty);
    }

    #[test]
    fn a_value_has_its_type((ty, value) in typed_value()) {
        prop_assert!(value.has_type(&ty));
    }

    #[test]
    fn a_value_comes_back_from_json_text((ty, value) in typed_value()) {
        let text = json::to_string(&value, &ty);
        prop_assert_eq!(json::from_str(&text, &ty).expect(&text), value.clone());
        let pretty = serde_json::to_string_pretty(&json::Json(&value, &ty)).expect("written");
        prop_assert_eq!(json::from_str(&pretty, &ty).expect(&pretty), value);
    }

    #[test]
    fn a_value_comes_back_from_a_json_tree((ty, value) in typed_value()) {
        let tree = json::to_value(&value, &ty);
        prop_assert_eq!(json::from_value(&tree, &ty).expect("its own tree"), value.clone());
        let reparsed: serde_json::Value = serde_json::from_str(&json::to_string(&value, &ty)).expect("JSON");
        prop_assert_eq!(tree, reparsed);
    }

    #[test]
    fn every_f32_is_written_short_and_comes_back(bits in any::<u32>()) {
        let v = f32::from_bits(bits);
        prop_assume!(v.is_finite());
        let text = json::to_string(&Value::F32(v), &ValueType::F32);
        let mantissa = text.split('e').next().unwrap_or_default().replace(['-', '.'], "");
        prop_assert!(mantissa.trim_matches('0').len() <= 9 || text.parse() == Ok(f64::from(v)), "{}", text);
        prop_assert_eq!(text.parse::<f32>().expect("a number").to_bits(), bits);
        prop_assert_eq!((text.parse::<f64>().expect("a number") as f32).to_bits(), bits);
    }

    #[test]
    fn a_value_feeds_its_own_type_unchanged((ty, value) in typed_value()) {
        prop_assert_eq!(assign::check(&ty, &ty), Ok(Fit::Same));
        prop_assert_eq!(assign::convert(&value, &ty, &ty), value);
    }

    #[test]
    fn a_converted_value_has_the_wanted_type(
        (from, to, value) in value_type().prop_flat_map(|from| (Just(from.clone()), wider(&from), value_of(from)))
    ) {
        let fit = assign::check(&from, &to);
        prop_assert_eq!(fit.clone().ok(), Some(if from == to { Fit::Same } else { Fit::Convert }), "{:?}", fit);
        prop_assert!(assign::convert(&value, &from, &to).has_type(&to));
    }

    #[test]
    fn any_two_types_are_compared_without_a_panic((from, value) in typed_value(), to in value_type()) {
        match assign::check(&from, &to) {
            Ok(_) => prop_assert!(assign::convert(&value, &from, &to).has_type(&to)),
            Err(mismatch) => prop_assert!(!mismatch.to_string().is_empty()),
        }
    }

    #[test]
    fn a_value_is_not_of_other_types((from, value) in typed_value(), to in value_type()) {
        // Types without values that tell them apart (`option<…>` none, an empty list of unpacked elements) may agree.
        if value.has_type(&to) {
            prop_assert!(json::from_str(&json::to_string(&value, &to), &to).is_ok(), "{} {}", from, to);
        }
    }

    #[test]
    fn any_text_is_a_type_or_an_error_with_a_place(text in "\\PC{0,40}|[a-z<>{}(),: _%]{0,40}") {
        if let Err(error) = text.parse::<ValueType>() {
            prop_assert!(text.is_char_boundary(error.offset));
        }
    }

    #[test]
    fn any_text_is_a_value_or_an_error(ty in value_type(), text in "\\PC{0,40}|[\\[\\]{}\",:a-z0-9.e-]{0,40}") {
        for value in [json::from_str(&text, &ty), json::from_argument(&text, &ty)].into_iter().flatten() {
            prop_assert!(value.has_type(&ty));
        }
    }

    #[test]
    fn json_of_one_type_is_read_as_another_or_refused((ty, value) in typed_value(), other in value_type()) {
        let text = json::to_string(&value, &ty);
        let from_text = json::from_str(&text, &other);
        if let Ok(value) = &from_text {
            prop_assert!(value.has_type(&other));
        }
        let tree = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(from_text.ok(), json::from_value(&tree, &other).ok());
    }

    #[test]
    fn json_that_was_cut_or_changed_never_panics((ty, value) in typed_value(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = json::to_string(&value, &ty).into_bytes();
        let at = at.index(bytes.len());
        let _ = json::from_str(&String::from_utf8_lossy(&bytes[..at]), &ty);
        bytes[at] = byte;
        let _ = json::from_str(&String::from_utf8_lossy(&bytes), &ty);
    }

    #[test]
    fn any_bytes_are_a_packed_list_or_an_error(ty in value_type(), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(list) = List::from_image(&ty, bytes) {
            let ty = ValueType::list(ty);
            let value = Value::List(list);
            prop_assert!(value.has_type(&ty));
            let _ = json::to_string(&value, &ty);
        }
    }
}
