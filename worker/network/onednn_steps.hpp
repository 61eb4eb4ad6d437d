// Collects the steps of a oneDNN 2 program, with the buffers that they work on. Internal to the oneDNN executor.
#pragma once

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "worker/network/buffer_plan.hpp"
#include "worker/network/onednn_program.hpp"

namespace thaw {

class OneDnnSteps {
  public:
    explicit OneDnnSteps(dnnl::engine engine) : engine_(std::move(engine)) {}

    std::vector<OneDnnStep> steps;
    BufferPlan buffers;
    std::size_t scratchpad_bytes = 0;

  protected:
    OneDnnValue make_value(const dnnl::memory::desc& desc) { return {desc, buffers.take(desc.get_size())}; }

    static dnnl::primitive_attr attributes() {
        dnnl::primitive_attr attributes;
        attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
        return attributes;
    }

    /// Adds a step that executes `primitive` on buffers and constants.
    template <typename Description>
    void add_primitive(const Description& description, const dnnl::primitive& primitive,
                       const std::vector<std::pair<int, OneDnnValue>>& arguments,
                       const std::vector<std::pair<int, dnnl::memory>>& constants = {}) {
        scratchpad_bytes = std::max(scratchpad_bytes, description.scratchpad_desc().get_size());
        const dnnl::memory::desc scratchpad = description.scratchpad_desc();
        steps.push_back([=, engine = engine_](OneDnnWorkspace& space) {
            std::unordered_map<int, dnnl::memory> bound;
            for (const auto& [name, value] : arguments) {
                void* const bytes = space.buffers[static_cast<std::size_t>(value.buffer)].get_data_handle();
                bound.emplace(name, dnnl::memory(value.desc, engine, bytes));
            }
            for (const auto& [name, constant] : constants) bound.emplace(name, constant);
            bound.emplace(DNNL_ARG_SCRATCHPAD, dnnl::memory(scratchpad, engine, space.scratchpad.get_data_handle()));
            primitive.execute(space.stream, bound);
        });
    }

    void add_reorder(const OneDnnValue& from, const OneDnnValue& to) {
        const dnnl::reorder::primitive_desc description(engine_, from.desc, engine_, to.desc, attributes());
        add_primitive(description, dnnl::reorder(description), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
    }

    /// The value in the layout that a primitive wants; a copy where it has another.
    OneDnnValue in_layout(const OneDnnValue& value, const dnnl::memory::desc& wanted) {
        if (value.desc == wanted) return value;
        const OneDnnValue copy = make_value(wanted);
        add_reorder(value, copy);
        return copy;
    }

    dnnl::memory constant(const std::vector<float>& values, const dnnl::memory::desc& plain,
                          const dnnl::memory::desc& wanted) const {
        dnnl::memory source(plain, engine_, const_cast<float*>(values.data())), packed(wanted, engine_);
        dnnl::stream stream(engine_);
        dnnl::reorder(source, packed).execute(stream, source, packed);
        stream.wait();
        return packed;
    }

    dnnl::engine engine_;
};

}  // namespace thaw
