#include "common/trial/message.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/util/error.hpp"

namespace thaw {

void to_json(nlohmann::json& json, const RunStage& run) {
    json = {{"stage", run.stage}, {"spec", to_json(run.spec)}, {"ranks", run.ranks},
            {"leads", run.leads}, {"trials", run.trials},      {"reports", run.reports}};
}
void from_json(const nlohmann::json& json, RunStage& run) {
    run.stage = json.at("stage");
    run.spec = stage_from_json(json.at("spec"));
    run.ranks = json.at("ranks").get<std::vector<int>>();
    run.leads = json.at("leads");
    run.trials = json.at("trials").get<std::vector<std::string>>();
    run.reports = json.at("reports");
}
// Without content; the macro below wants at least one member.
void to_json(nlohmann::json& json, const Goodbye&) {
    json = nlohmann::json::object();
}
void from_json(const nlohmann::json&, Goodbye&) {}
void to_json(nlohmann::json& json, const Alive&) {
    json = nlohmann::json::object();
}
void from_json(const nlohmann::json&, Alive&) {}

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Hello, host, threads)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Progress, stage, images)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(EpochDone, stage, trajectory, metrics, obsolete)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TrajectoryFailed, stage, trajectory, message)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StageDone, stage, seconds, bytes, bad_images, reused, computed)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Stop, after_epoch)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StageFailed, stage, message, scope)

namespace {

/// Fills `message` with alternative number `index` of the variant, read from `json`.
template <std::size_t... Indices>
Message read_alternative(std::size_t index, const nlohmann::json& json, std::index_sequence<Indices...>) {
    Message message;
    const bool known =
        ((index == Indices && (message = json.get<std::variant_alternative_t<Indices, Message>>(), true)) || ...);
    if (!known) throw StageError("a message of unknown type {}", index);
    return message;
}

}  // namespace

std::string serialize(const Message& message) {
    nlohmann::json json = {{"type", message.index()}};
    std::visit([&](const auto& content) { json["content"] = content; }, message);
    // A path in a foreign encoding must not bring the control channel down.
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Message deserialize(const std::string& text) {
    try {
        const nlohmann::json json = nlohmann::json::parse(text);
        return read_alternative(json.at("type").get<std::size_t>(), json.at("content"),
                                std::make_index_sequence<std::variant_size_v<Message>>{});
    } catch (const nlohmann::json::exception& error) {
        throw StageError("a damaged control message: {}", error.what());
    }
}

}  // namespace thaw
