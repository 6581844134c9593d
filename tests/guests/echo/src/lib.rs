//! A guest that returns what it is given, for every value type of WIT.

use exports::test::echo::tasks::*;

taskhost_task::world!({ world: "test:echo/echo", path: ["../../../wit", "wit"] });

struct Echo;

macro_rules! echo {
    ($($name:ident: $ty:ty),+ $(,)?) => { $(fn $name(value: $ty) -> $ty { value })+ };
}

type Many =
    (u8, u16, u32, u64, i8, i16, i32, i64, f32, f64, bool, char, String, Vec<u8>, Option<String>, Weather, (u8, u8));

impl Guest for Echo {
    echo! {
        echo_bool: bool, echo_u8: u8, echo_u16: u16, echo_u32: u32, echo_u64: u64,
        echo_s8: i8, echo_s16: i16, echo_s32: i32, echo_s64: i64, echo_f32: f32, echo_f64: f64,
        echo_char: char, echo_string: String,
        echo_list_bool: Vec<bool>, echo_list_u8: Vec<u8>, echo_list_s8: Vec<i8>, echo_list_u16: Vec<u16>,
        echo_list_u32: Vec<u32>, echo_list_s64: Vec<i64>, echo_list_u64: Vec<u64>,
        echo_list_f32: Vec<f32>, echo_list_f64: Vec<f64>, echo_list_char: Vec<char>,
        echo_list_string: Vec<String>, echo_list_enum: Vec<Weather>, echo_list_flags: Vec<Permissions>,
        echo_list_flat: Vec<Flat>, echo_list_point: Vec<Point>, echo_list_person: Vec<Person>,
        echo_list_tuple: Vec<(u8, u32, u8)>, echo_list_list: Vec<Vec<u16>>,
        echo_list_option: Vec<Option<String>>, echo_list_result: Vec<Result<u32, String>>,
        echo_list_variant: Vec<Shape>,
        echo_flat: Flat, echo_point: Point, echo_person: Person, echo_nested: Nested, echo_huge: Huge,
        echo_tuple: (u8, String, f32), echo_variant: Shape, echo_variant_of_widths: VariantOfWidths,
        echo_enum: Weather, echo_flags: Permissions, echo_many_flags: ManyFlags,
        echo_option: Option<u32>, echo_option_string: Option<String>, echo_option_option: Option<Option<u32>>,
        echo_result: Result<u32, String>, echo_result_ok: Result<u32, ()>,
        echo_result_err: Result<(), String>, echo_result_none: Result<(), ()>,
    }

    fn wrap_result(value: Result<u32, String>) -> Result<Result<u32, String>, String> {
        Ok(value)
    }

    fn echo_many(
        a: u8,
        b: u16,
        c: u32,
        d: u64,
        e: i8,
        f: i16,
        g: i32,
        h: i64,
        i: f32,
        j: f64,
        k: bool,
        l: char,
        m: String,
        n: Vec<u8>,
        o: Option<String>,
        p: Weather,
        q: (u8, u8),
    ) -> Many {
        (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q)
    }

    fn echo_sixteen(
        a: String,
        b: String,
        c: String,
        d: String,
        e: String,
        f: String,
        g: String,
        h: String,
    ) -> Vec<String> {
        vec![a, b, c, d, e, f, g, h]
    }

    fn no_result(_value: u32) {}

    fn no_parameter() -> u32 {
        42
    }

    fn nothing() {}
}

export!(Echo);
