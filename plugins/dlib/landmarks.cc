// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "plugins/dlib/landmarks.h"

namespace emo
{

namespace
{

// What a file holds, in its order; the predictor itself keeps these to itself.
struct content {
        int version = 0;
        dlib::matrix<float, 0, 1> initial_shape;
        std::vector<std::vector<dlib::impl::regression_tree>> forests;
        std::vector<std::vector<unsigned long>> anchors;
        std::vector<std::vector<dlib::vector<float, 2>>> deltas;
};

[[noreturn]] void refuse(const std::string &why)
{
        throw std::runtime_error(why);
}

// Shapes are in units of the box, so that real ones stay near 0..1. Far beyond, a sum of them over all trees would no
// longer fit a pixel's coordinate.
bool sane(float value)
{
        return std::fabs(value) < 1e3f; // false for a NaN
}

bool sane(const dlib::matrix<float, 0, 1> &shape)
{
        for (long i = 0; i < shape.size(); i++)
                if (!sane(shape(i)))
                        return false;
        return shape.size() == 2 * static_cast<long>(N_LANDMARKS);
}

// A point is mapped by the likeness of two shapes, which one whose points all coincide does not have.
bool has_extent(const dlib::matrix<float, 0, 1> &shape)
{
        for (long i = 2; i < shape.size(); i++)
                if (std::fabs(shape(i) - shape(i % 2)) > 1e-3f)
                        return true;
        return false;
}

// A tree is full: splits in the order of their levels, then a power of two of leaves.
bool sane(const dlib::impl::regression_tree &tree, size_t n_features)
{
        size_t n_leaves = tree.leaf_values.size();

        if (n_leaves == 0 || (n_leaves & (n_leaves - 1)) || tree.splits.size() != n_leaves - 1)
                return false;
        for (const auto &split : tree.splits)
                if (split.idx1 >= n_features || split.idx2 >= n_features)
                        return false;
        for (const auto &leaf : tree.leaf_values)
                if (!sane(leaf))
                        return false;
        return true;
}

bool sane_cascade(const content &c, size_t i)
{
        size_t n_features = c.deltas[i].size();

        if (c.anchors[i].size() != n_features)
                return false;
        for (size_t k = 0; k < n_features; k++)
                if (c.anchors[i][k] >= N_LANDMARKS || !sane(c.deltas[i][k].x()) || !sane(c.deltas[i][k].y()))
                        return false;
        for (const auto &tree : c.forests[i])
                if (!sane(tree, n_features))
                        return false;
        return true;
}

void check(std::istream &in)
{
        content c;

        dlib::deserialize(c.version, in);
        if (c.version != 1)
                refuse("no file of dlib's shape_predictor");
        dlib::deserialize(c.initial_shape, in);
        if (c.initial_shape.size() != 2 * static_cast<long>(N_LANDMARKS))
                refuse("has " + std::to_string(c.initial_shape.size() / 2) + " points, not " +
                       std::to_string(N_LANDMARKS));
        dlib::deserialize(c.forests, in);
        dlib::deserialize(c.anchors, in);
        dlib::deserialize(c.deltas, in);
        bool good = sane(c.initial_shape) && has_extent(c.initial_shape) && !c.forests.empty() &&
                    c.anchors.size() == c.forests.size() && c.deltas.size() == c.forests.size();

        for (size_t i = 0; good && i < c.forests.size(); i++)
                good = sane_cascade(c, i);
        if (!good)
                refuse("holds trees that do not fit together");
}

} // namespace

void landmarks_read(std::istream &in, dlib::shape_predictor &ret)
{
        check(in);
        in.clear();
        if (!in.seekg(0))
                refuse("cannot be read twice");
        deserialize(ret, in);
        // it may have been exchanged in between
        if (ret.num_parts() != N_LANDMARKS)
                refuse("changed while it was read");
}

} // namespace emo
