#include "common/backbones/layer_graph.hpp"
