#include "results/export/export_optuna.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <system_error>

#include "common/util/error.hpp"
#include "results/export/embedded.hpp"
#include "results/export/exported_trials.hpp"

namespace thaw {
namespace {

using Json = nlohmann::ordered_json;

std::string json_text(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json json_of(const Cell& cell) {
    if (const auto* integer = std::get_if<std::int64_t>(&cell)) return *integer;
    if (const auto* real = std::get_if<double>(&cell)) return *real;
    if (const auto* text = std::get_if<std::string>(&cell)) return *text;
    return nullptr;
}

/// An axis as Optuna's distribution: whole numbers, numbers (on a logarithmic scale over more than a decade), or a
/// choice of texts, of which a value is the number.
class Parameter {
  public:
    Parameter(const Database& database, std::size_t axis) : axis_(axis), values_(axis_values(database, axis)) {
        Json attributes;
        const Json least = json_of(values_.front()), most = json_of(values_.back());
        const bool all_numbers = least.is_number() && most.is_number(),
                   whole = least.is_number_integer() && most.is_number_integer();
        if (!all_numbers) {
            name_ = "CategoricalDistribution";
            for (const Cell& value : values_) attributes["choices"].push_back(json_of(value));
        } else {
            name_ = whole ? "IntDistribution" : "FloatDistribution";
            attributes["log"] = !whole && least > 0 && most.get<double>() / least.get<double>() > 10;
            attributes["step"] = whole ? Json(1) : Json();
            attributes["low"] = least;
            attributes["high"] = most;
        }
        distribution_ = json_text({{"name", name_}, {"attributes", attributes}});
    }
    std::string column() const { return kAxes[axis_].name; }
    const std::string& distribution() const { return distribution_; }
    double value(const AxisValues& axes) const {
        const Json value = json_of(axes[axis_]);
        if (name_ != "CategoricalDistribution") return value.get<double>();
        return static_cast<double>(std::find(values_.begin(), values_.end(), axes[axis_]) - values_.begin());
    }
    Json plain_value(const AxisValues& axes) const { return json_of(axes[axis_]); }

  private:
    std::size_t axis_;
    std::vector<Cell> values_;
    std::string name_, distribution_;
};

const char* state_of(const ExportedTrial& trial) {
    if (trial.state == "finished") return std::isnan(trial.validation_accuracy) ? "FAIL" : "COMPLETE";
    if (trial.state == "stopped") return "PRUNED";
    if (trial.state == "failed") return "FAIL";
    return trial.state == "running" ? "RUNNING" : "WAITING";
}

class Study {
  public:
    Study(Database& storage, const Database& database) : storage_(storage) {
        write("INSERT INTO studies VALUES (1, ?1)", sweep_name(database));
        write("INSERT INTO study_directions VALUES (1, 'MAXIMIZE', 1, 0)");
        write("INSERT INTO study_user_attributes VALUES (1, 1, 'objective', ?1)", json_text("validation accuracy"));
        for (const std::size_t axis : varying_axes(database)) parameters_.emplace_back(database, axis);
    }

    void add(const ExportedTrial& trial) {
        const std::string state = state_of(trial);
        ++trials_;
        add_trial_
            .with(trials_, trials_ - 1, state, state == "WAITING" ? std::string() : trial.started,
                  state == "RUNNING" || state == "WAITING" ? std::string() : trial.finished)
            .run();
        if (!std::isnan(trial.validation_accuracy) && (state == "COMPLETE" || state == "PRUNED"))
            add_value_.with(trials_, trial.validation_accuracy).run();
        add_parameters(trial, state);
        for (const EpochRecord& epoch : trial.epochs)
            add_step_
                .with(trials_, epoch.epoch, epoch.validation_accuracy,
                      std::string(std::isnan(epoch.validation_accuracy) ? "NAN" : "FINITE"))
                .run();
        add_attribute("trial", trial.id);
        add_attribute("configuration", trial.configuration);
        if (!trial.message.empty()) add_attribute("fail_reason", trial.message);
        if (std::isfinite(trial.seconds)) add_attribute("seconds", trial.seconds);
    }

  private:
    template <typename... Values>
    void write(const char* sql, const Values&... values) {
        storage_.prepare(sql).with(values...).run();
    }

    /// A trial that waits has its parameters as Optuna's enqueue_trial() leaves them.
    void add_parameters(const ExportedTrial& trial, const std::string& state) {
        Json fixed = Json::object();
        for (const Parameter& parameter : parameters_) {
            if (state == "WAITING")
                fixed[parameter.column()] = parameter.plain_value(trial.axes);
            else
                add_parameter_.with(trials_, parameter.column(), parameter.value(trial.axes), parameter.distribution())
                    .run();
        }
        if (state == "WAITING") add_system_.with(trials_, json_text(fixed)).run();
    }
    void add_attribute(const char* key, const Json& value) {
        add_attribute_.with(trials_, std::string(key), json_text(value)).run();
    }

    Database& storage_;
    std::vector<Parameter> parameters_;
    int trials_ = 0;
    Statement add_trial_ =
        storage_.prepare("INSERT INTO trials VALUES (?1, ?2, 1, ?3, nullif(?4, ''), nullif(?5, ''))");
    Statement add_value_ = storage_.prepare(
        "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?1, 0, ?2, 'FINITE')");
    Statement add_parameter_ = storage_.prepare(
        "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?1, ?2, ?3, ?4)");
    Statement add_step_ = storage_.prepare(
        "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type)"
        " VALUES (?1, ?2, ?3, ?4)");
    Statement add_attribute_ =
        storage_.prepare("INSERT INTO trial_user_attributes (trial_id, \"key\", value_json) VALUES (?1, ?2, ?3)");
    Statement add_system_ = storage_.prepare(
        "INSERT INTO trial_system_attributes (trial_id, \"key\", value_json) VALUES (?1, 'fixed_params', ?2)");
};

}  // namespace

void export_optuna(const Database& database, const std::filesystem::path& to) {
    namespace fs = std::filesystem;
    if (fs::exists(to)) throw UserError("{} is there already; remove it, or name another file", to.string());
    const fs::path unfinished = to.string() + ".unfinished";
    fs::remove(unfinished);
    try {
        Database storage(unfinished, Database::Mode::write);
        storage.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");  // until it is whole nobody sees it
        Transaction transaction(storage);
        storage.execute(kOptunaSchemaSql);
        {
            Study study(storage, database);
            each_trial(database, [&](const ExportedTrial& trial) { study.add(trial); });
        }
        transaction.commit();
    } catch (...) {
        fs::remove(unfinished);
        throw;
    }
    std::error_code error;
    fs::rename(unfinished, to, error);
    if (error) throw UserError("cannot write {}: {}", to.string(), error.message());
}

}  // namespace thaw
