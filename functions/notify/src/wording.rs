//! The words of mails in the reader's language: texts, plurals, numbers, sizes and times, as the page writes them.

mod narrowing;
mod sentence;

use std::collections::BTreeMap;

use icu_datetime::DateTimeFormatter;
use icu_datetime::fieldsets::{YMD, YMDT};
use icu_datetime::input::{Date, DateTime, Time};
use icu_datetime::options::TimePrecision;
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_list::ListFormatter;
use icu_list::options::ListFormatterOptions;
use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRuleType, PluralRules};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use waybill::language::{LANGUAGES, Language};

pub(crate) use self::narrowing::contents;
pub(crate) use self::sentence::Sentence;

/// Data that ICU4X does not have.
pub(crate) type WordingError = Box<dyn std::error::Error + Send + Sync>;

/// The words of one language, with the forms of a locale.
pub(crate) struct Wording {
    pub(crate) language: &'static Language,
    texts: BTreeMap<String, String>,
    plurals: PluralRules,
    numbers: DecimalFormatter,
    times: DateTimeFormatter<YMDT>,
    days: DateTimeFormatter<YMD>,
    alternatives: ListFormatter,
}

impl Wording {
    /// The words of a locale (BCP 47), such as `de-AT`. English without a locale, and where there are no texts of its language.
    ///
    /// # Errors
    /// None in practice: the data of every locale is compiled in.
    pub(crate) fn of(locale: Option<&str>) -> Result<Self, WordingError> {
        let known = locale.and_then(|locale| Some((Language::of(locale)?, locale)));
        let (language, locale) = known.unwrap_or((&LANGUAGES[0], LANGUAGES[0].code));
        let parsed = locale.replace('_', "-").parse::<Locale>();
        let locale = parsed.unwrap_or(Locale::UNKNOWN);
        // In Portugal 0 is plural, as Brazilians write it too: see `functions/api/page/format.js`.
        let of_plurals = match language.code {
            "pt" => "pt-PT".parse().unwrap_or(Locale::UNKNOWN),
            code => code.parse().unwrap_or(Locale::UNKNOWN),
        };
        let minute = YMDT::medium().with_time_precision(TimePrecision::Minute);
        let or = ListFormatterOptions::default();
        Ok(Self {
            language,
            texts: language.texts(),
            plurals: PluralRules::try_new((&of_plurals).into(), PluralRuleType::Cardinal.into())?,
            numbers: DecimalFormatter::try_new((&locale).into(), Default::default())?,
            times: DateTimeFormatter::try_new((&locale).into(), minute)?,
            days: DateTimeFormatter::try_new((&locale).into(), YMD::medium())?,
            alternatives: ListFormatter::try_new_or((&locale).into(), or)?,
        })
    }

    /// A text with these values in its placeholders.
    pub(crate) fn text(&self, key: &str, values: &[(&str, &str)]) -> Sentence {
        let text = self.texts.get(key).map_or(key, String::as_str);
        Sentence::new(text, values, self.language.is_right_to_left)
    }

    /// A text from outside as a sentence of its own, such as a reason that is in English.
    pub(crate) fn value(&self, text: &str) -> Sentence {
        Sentence::new("{text}", &[("text", text)], self.language.is_right_to_left)
    }

    /// The text for this number of things, with the number in the placeholder `{count}`.
    pub(crate) fn counted(&self, key: &str, count: u64) -> Sentence {
        let category = match self.plurals.category_for(count) {
            PluralCategory::Zero => "zero",
            PluralCategory::One => "one",
            PluralCategory::Two => "two",
            PluralCategory::Few => "few",
            PluralCategory::Many => "many",
            PluralCategory::Other => "other",
        };
        let forms = [format!("{key}.{category}"), format!("{key}.other")];
        let form = forms.iter().find(|form| self.texts.contains_key(*form));
        self.text(
            form.map_or(key, |form| form),
            &[("count", &self.number(count))],
        )
    }

    /// `10,000`.
    pub(crate) fn number(&self, number: u64) -> String {
        self.numbers.format(&Decimal::from(number)).to_string()
    }

    /// A size in decimal units with one digit after the point, as the page writes it: `812.3 kB`.
    pub(crate) fn size(&self, bytes: u64) -> String {
        const UNITS: [(u64, &str); 4] = [
            (1_000_000_000_000, "mail.terabytes"),
            (1_000_000_000, "mail.gigabytes"),
            (1_000_000, "mail.megabytes"),
            (1_000, "mail.kilobytes"),
        ];
        let Some((unit, key)) = UNITS.into_iter().find(|(unit, _)| bytes >= *unit) else {
            return self.counted("file.bytes", bytes).plain();
        };
        let tenths = (u128::from(bytes) * 10 + u128::from(unit) / 2) / u128::from(unit);
        let mut amount = Decimal::from(tenths);
        amount.multiply_pow10(-1);
        amount.absolute.trim_end();
        let amount = self.numbers.format(&amount).to_string();
        self.text(key, &[("count", &amount)]).plain()
    }

    /// An instant in a time zone (IANA), with its name: `Jan 22, 2027, 8:00 AM (Europe/Lisbon)`.
    pub(crate) fn time_and_zone(&self, at: Timestamp, zone: &str) -> String {
        let (zone, name) = match TimeZone::get(zone) {
            Ok(found) => (found, zone),
            Err(_) => (TimeZone::UTC, "UTC"),
        };
        let time = self.time(at, &zone);
        let text = self.text("mail.time", &[("time", &time), ("zone", name)]);
        text.plain()
    }

    /// An instant in a time zone, to the minute.
    pub(crate) fn time(&self, at: Timestamp, zone: &TimeZone) -> String {
        let local = at.to_zoned(zone.clone()).datetime();
        let (hour, minute) = (local.hour().unsigned_abs(), local.minute().unsigned_abs());
        match (date(local.date()), Time::try_new(hour, minute, 0, 0)) {
            (Some(date), Ok(time)) => self.times.format(&DateTime { date, time }).to_string(),
            _ => local.to_string(),
        }
    }

    /// A day: `Jan 22, 2027`.
    pub(crate) fn day(&self, day: jiff::civil::Date) -> String {
        date(day).map_or_else(
            || day.to_string(),
            |date| self.days.format(&date).to_string(),
        )
    }

    /// Texts of which one is meant: `a, b or c`.
    pub(crate) fn any_of(&self, texts: &[String]) -> String {
        self.alternatives.format(texts.iter()).to_string()
    }
}

fn date(day: jiff::civil::Date) -> Option<Date<icu_calendar::Iso>> {
    let (month, day_of_month) = (day.month().unsigned_abs(), day.day().unsigned_abs());
    Date::try_new_iso(day.year().into(), month, day_of_month).ok()
}

#[cfg(test)]
mod tests;
