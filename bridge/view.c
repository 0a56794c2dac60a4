/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "bridge/view.h"
#include "bus/json.h"

static struct view_face *find(struct view *v, uint32_t id)
{
        for (size_t i = 0; i < v->n_faces; i++)
                if (v->faces[i].id == id)
                        return &v->faces[i];
        return NULL;
}

static void add_label(struct view_totals *t, const char *name, uint64_t usec)
{
        size_t i = 0;

        while (i < t->n_labels && strcmp(t->labels[i].name, name) != 0)
                i++;
        if (i == VIEW_LABELS_MAX)
                return;
        if (i == t->n_labels)
                snprintf(t->labels[t->n_labels++].name, VIEW_LABEL_MAX, "%s", name);
        t->labels[i].usec += usec;
}

size_t view_attentive(const struct view *v)
{
        size_t n = 0;

        for (size_t i = 0; i < v->n_faces; i++)
                n += v->faces[i].attentive;
        return n;
}

void view_advance(struct view *v, uint64_t now_usec)
{
        uint64_t passed = v->now_usec && now_usec > v->now_usec ? now_usec - v->now_usec : 0;

        v->now_usec = now_usec;
        if (!v->claimed)
                return;
        v->totals.watched_usec += passed;
        v->totals.dwell_usec += passed * v->n_faces;
        v->totals.attention_usec += passed * view_attentive(v);
        if (v->n_faces)
                v->totals.occupied_usec += passed;
        for (size_t i = 0; i < v->n_faces; i++)
                add_label(&v->totals, v->faces[i].emotion, passed);
}

void view_clear(struct view *v)
{
        explicit_bzero(v->faces, sizeof(v->faces));
        v->n_faces = 0;
}

void view_appear(struct view *v, uint32_t id)
{
        if (find(v, id))
                return;
        if (v->n_faces == VIEW_FACES_MAX) {
                v->faces_not_kept++;
                return;
        }
        v->faces[v->n_faces++] = (struct view_face){ .id = id, .emotion = "unsure", .since_usec = v->now_usec };
        v->totals.faces++;
}

void view_vanish(struct view *v, uint32_t id)
{
        struct view_face *f = find(v, id);

        if (!f)
                return;
        *f = v->faces[--v->n_faces];
        explicit_bzero(&v->faces[v->n_faces], sizeof(*f));
}

void view_emotion(struct view *v, uint32_t id, const char *emotion, double confidence)
{
        struct view_face *f = find(v, id);

        if (!f)
                return;
        snprintf(f->emotion, sizeof(f->emotion), "%s", emotion);
        f->confidence = confidence;
        v->totals.changes++;
}

void view_attention(struct view *v, uint32_t id, bool attentive)
{
        struct view_face *f = find(v, id);

        if (!f)
                return;
        v->totals.turns += attentive && !f->attentive;
        f->attentive = attentive;
}

static json_object *face_to_json(const struct view *v, const struct view_face *f)
{
        json_object *o = json_object_new_object();

        json_object_object_add(o, "face", json_object_new_int64(f->id));
        json_object_object_add(o, "emotion", json_object_new_string(f->emotion));
        json_object_object_add(o, "confidence", json_number(f->confidence));
        json_object_object_add(o, "attention", json_object_new_boolean(f->attentive));
        json_object_object_add(o, "present-ms", json_object_new_uint64((v->now_usec - f->since_usec) / 1000));
        return o;
}

json_object *view_to_json(const struct view *v)
{
        json_object *o = json_object_new_object(), *faces = json_object_new_array();

        json_object_object_add(o, "service", json_object_new_boolean(v->service));
        json_object_object_add(o, "watching", json_object_new_boolean(v->claimed));
        json_object_object_add(o, "state", json_object_new_string(v->state));
        json_object_object_add(o, "error", json_object_new_string(v->last_error));
        json_object_object_add(o, "in-use", json_object_new_boolean(v->in_use));
        json_object_object_add(o, "version", json_object_new_string(v->version));
        json_object_object_add(o, "content", json_object_new_string(v->content));
        json_object_object_add(o, "attentive", json_object_new_uint64(view_attentive(v)));
        for (size_t i = 0; i < v->n_faces; i++)
                json_object_array_add(faces, face_to_json(v, &v->faces[i]));
        json_object_object_add(o, "faces", faces);
        return o;
}

json_object *view_emotions_json(const struct view_totals *before, const struct view_totals *after)
{
        json_object *o = json_object_new_object();

        /* labels keep their places once they are known */
        for (size_t i = 0; i < after->n_labels; i++) {
                uint64_t past = i < before->n_labels ? before->labels[i].usec : 0;

                json_object_object_add(o, after->labels[i].name,
                                       json_object_new_uint64((after->labels[i].usec - past) / 1000));
        }
        return o;
}
