// The franz-go client.
package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"throughway/clients/task"
)

func main() {
	task.Run(roundTrip, describe)
}

func client(t *task.Task, more ...kgo.Opt) (*kgo.Client, error) {
	options := append(more, kgo.SeedBrokers(strings.Split(t.Bootstrap, ",")...))
	if s := t.Security; s.Mechanism != "" {
		options = append(options, kgo.SASL(plain.Auth{User: s.Username, Pass: s.Password}.AsMechanism()))
	}
	config, err := t.TLS()
	if err != nil {
		return nil, err
	}
	if config != nil {
		options = append(options, kgo.DialTLSConfig(config))
	}
	return kgo.NewClient(options...)
}

func roundTrip(t *task.Task, r *task.Report) error {
	c, err := client(t, kgo.ConsumeTopics(t.Topic), kgo.ConsumerGroup(t.Topic+"-group"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), task.Patience)
	defer cancel()
	if _, err := kadm.NewClient(c).CreateTopic(ctx, t.Partitions, -1, nil, t.Topic); err != nil {
		return fmt.Errorf("create %s: %w", t.Topic, err)
	}
	records := make([]*kgo.Record, 0, t.Records)
	for i := range t.Records {
		key, value := task.Record(i)
		records = append(records, &kgo.Record{Topic: t.Topic, Key: []byte(key), Value: []byte(value)})
	}
	results := c.ProduceSync(ctx, records...)
	if err := results.FirstErr(); err != nil {
		return fmt.Errorf("produce: %w", err)
	}
	r.Written = len(results)
	for whole := false; !whole; {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return fmt.Errorf("poll: %w", err)
		}
		fetches.EachRecord(func(one *kgo.Record) { whole = r.Saw(one.Key, one.Value) })
	}
	return nil
}

func describe(t *task.Task, r *task.Report) error {
	c, err := client(t)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), task.Patience)
	defer cancel()
	cluster, err := kadm.NewClient(c).BrokerMetadata(ctx)
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	r.ClusterID = &cluster.Cluster
	for _, broker := range cluster.Brokers {
		r.Brokers[broker.NodeID] = fmt.Sprintf("%s:%d", broker.Host, broker.Port)
	}
	return nil
}
